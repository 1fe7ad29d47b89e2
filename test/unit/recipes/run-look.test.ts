import { expect } from "chai";
import { ask } from "../../support/config.js";
import { playedEngine } from "../../support/played-engine.js";

const HEAD = "[buildout]\nversion=1\nid=a3423c11991d\nkey=03c7ac7d93351147edbae293950232ff\ngeneration=1\n";
const record = (name: string, more = ""): string =>
  `\n[part:${name}]\nrecipe=docker.run\nversion=1\ninstalled=2026-11-20T22:00:00.000Z\noption:name=${name}\n` +
  `${more}output:container-id=${name}\n`;
const container = (name: string, State: string, Status: string) => ({
  Id: name,
  Names: [`/${name}`],
  Image: "x",
  State,
  Status,
});

describe("status of a container", () => {
  it("tells what no run can mend: a check that fails, a program that ends again and again", async () => {
    const { url, close } = await playedEngine({
      answers: {
        "GET /containers/json": [
          container("fine", "running", "Up 3 minutes (healthy)"),
          container("sick", "running", "Up 3 minutes (unhealthy)"),
          container("loop", "restarting", "Restarting (3) 2 seconds ago"),
          container("job", "restarting", "Restarting (3) 2 seconds ago"),
        ],
      },
    });
    const records = ["fine", "sick", "loop"].map((name) => record(name)).join("");
    const files = {
      "buildout.cfg": "[buildout]\nparts =\n",
      ".installed.cfg": HEAD + records + record("job", "option:wait-for=exit\n"),
    };
    try {
      const { stdout, code } = await ask(files, {
        args: ["status", "--json", "--exit-code"],
        env: { DOCKER_HOST: url },
      });
      const { parts } = JSON.parse(stdout) as { parts: { part: string; state: string; drift: object[] }[] };
      expect(code).to.equal(4);
      expect(parts.map(({ part, state, drift }) => [part, state, ...drift])).to.deep.equal([
        ["fine", "ok"],
        ["sick", "drifted", { kind: "changed", message: "container sick is unhealthy", repair: "none" }],
        [
          "loop",
          "drifted",
          {
            kind: "changed",
            message: "container loop is started again and again, and ended with exit code 3",
            repair: "none",
          },
        ],
        ["job", "ok"],
      ]);
    } finally {
      await close();
    }
  });
});
