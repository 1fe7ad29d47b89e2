// Prints the path of the Go docker-compose, unpacked out of a later Debian's package for `npm run bench`.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpack } from "./lib/unpacked.mjs";

const COMPOSE = { release: "forky", packages: ["docker-compose"], closure: false };

const root = unpack("docker-compose", join(tmpdir(), `tsbuildout-engines-${process.getuid()}`), COMPOSE);
process.stdout.write(`${join(root, "usr/libexec/docker/cli-plugins/docker-compose")}\n`);
