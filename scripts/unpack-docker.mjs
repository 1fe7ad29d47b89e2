// Prints the folders of the docker program and its buildx, unpacked out of a later Debian's packages for `npm run bench`
// and for tests.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackDocker } from "./lib/unpacked.mjs";

const root = unpackDocker(join(tmpdir(), `tsbuildout-engines-${process.getuid()}`));
process.stdout.write(
  `${join(root, "usr/bin/docker")}\n${join(root, "usr/libexec/docker/cli-plugins/docker-buildx")}\n`,
);
