// Prints the folders of the docker program and its buildx, unpacked out of a later Debian's packages for `npm run bench`.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpack } from "./lib/unpacked.mjs";

const DOCKER = { release: "forky", packages: ["docker-cli", "docker-buildx"], closure: false };

const root = unpack("docker-cli", join(tmpdir(), `tsbuildout-engines-${process.getuid()}`), DOCKER);
process.stdout.write(
  `${join(root, "usr/bin/docker")}\n${join(root, "usr/libexec/docker/cli-plugins/docker-buildx")}\n`,
);
