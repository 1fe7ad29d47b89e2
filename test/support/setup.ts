// Before all tests, see .mocharc.json.
import { configureGlobal } from "fast-check";
import { SEED } from "./random.js";

configureGlobal({ seed: SEED });

/** What libraries and programs heed unasked, of whoever runs the tests: keys, regions, proxies, a CI's commit. */
const FOREIGN =
  /^(AWS_|CI$|CI_|GIT_|GITHUB_|GITLAB_|DOCKER_(?!HOST$|TLS_VERIFY$|CERT_PATH$)|SSH_|(https?|all|no)_proxy$)/i;

for (const name of Object.keys(process.env)) if (FOREIGN.test(name)) delete process.env[name];
