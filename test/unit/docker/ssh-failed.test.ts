import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { ask } from "../../support/config.js";
import { container } from "../../support/played-part.js";
import { playedEngine } from "../../support/played-engine.js";
import { temporaryFolder } from "../../support/tmp.js";

/** A program that hands an engine's socket on as ssh would, until a command is to be run there. */
const ssh = (socket: string): string => `#!${process.execPath}
import("node:net").then(({ connect }) => {
  const engine = connect(${JSON.stringify(socket)});
  engine.pipe(process.stdout);
  process.stdin.on("data", (chunk) => {
    if (!/exec.\\w+.start/.test(chunk)) return void engine.write(chunk);
    process.stdout.write("HTTP/1.1 101 UPGRADED\\r\\nConnection: Upgrade\\r\\nUpgrade: tcp\\r\\n\\r\\n", () => {
      process.stderr.write("Connection to far closed by remote host.\\n");
      process.exit(255);
    });
  });
  process.stdin.on("end", () => process.exit(0));
});
`;

describe("an ssh connection to an engine", () => {
  it("that ends in the middle of a run says exactly engine/ssh-failed", async () => {
    const { url, close } = await playedEngine({ answers: container() });
    try {
      const bin = await temporaryFolder({ ssh: ssh(url.replace("unix://", "")) });
      await chmod(join(bin, "ssh"), 0o755);
      const { code, stderr } = await ask(
        { "buildout.cfg": "[buildout]\nparts = web\n[web]\nrecipe = docker.run\nimage = x\nscript = y\n" },
        { args: ["install"], env: { DOCKER_HOST: "ssh://far", PATH: bin } },
      );
      expect(stderr).to.equal(`error[engine/ssh-failed]: the ssh connection to far ended (part web)
  buildout.cfg:4:10
4 | recipe = docker.run
  |          ^^^^^^^^^^
  = note: ssh: Connection to far closed by remote host.
`);
      expect(code).to.equal(1);
    } finally {
      await close();
    }
  });
});
