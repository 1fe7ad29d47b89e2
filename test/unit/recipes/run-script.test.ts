import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { READ_ALL, scriptCommand } from "../../../src/recipes/run-script.js";
import { LineLog, Tail } from "../../../src/recipes/run-log.js";

const readAll = ["-c", READ_ALL];

const run = (text: string): string => {
  const [program = "", ...words] = scriptCommand(text, ["/bin/sh"]);
  return execFileSync(program, words, { input: text, encoding: "utf8" });
};

describe("scripts", () => {
  const cases: readonly [what: string, text: string, shell: string[], command: string[]][] = [
    ["the shell asked for", "true", ["/bin/bash", "-eu"], ["/bin/bash", "-eu", ...readAll]],
    ["a #! line", "#!/bin/bash -e\ntrue", ["/bin/sh"], ["/bin/bash", "-e", ...readAll]],
    ["env in a #! line", "#! /usr/bin/env bash\n", ["/bin/sh"], ["/usr/bin/env", "bash", ...readAll]],
    [
      "env -S in a #! line",
      "#!/usr/bin/env -S bash -e\n",
      ["/bin/sh"],
      ["/usr/bin/env", "-S bash -e", ...readAll],
    ],
    ["a language that is no shell", "#!/usr/bin/awk -f\n", ["/bin/sh"], ["/usr/bin/awk", "-f", "/dev/stdin"]],
    ["busybox", "true", ["/bin/busybox", "sh"], ["/bin/busybox", "sh", ...readAll]],
  ];
  for (const [what, text, shell, command] of cases)
    it(`are run by ${what}`, () => {
      expect(scriptCommand(text, shell)).to.deep.equal(command);
    });

  it("run as they are written", () => {
    const text =
      "cat <<END\n  indented\n\n\ttabbed 'quoted' \"$((1+1))\"\nEND\nif read line; then echo stolen; fi\ncat <<'E2'\n$x\nE2";
    expect(run(text)).to.equal("  indented\n\n\ttabbed 'quoted' \"2\"\n$x\n");
  });

  it("run by a shell and nothing else", () => {
    const text = "echo '  a \\n b'\nread line || echo 'none left'\nexit 0";
    const [program = "", ...words] = scriptCommand(text, ["/bin/sh"]);
    const env = { PATH: "/nowhere" };
    expect(execFileSync(program, words, { input: text, encoding: "utf8", env })).to.match(
      /^  a .* b\nnone left\n$/s,
    );
  });

  it("end with the exit code that they say", () => {
    expect(() => run("exit 3\necho never"))
      .to.throw()
      .with.property("status", 3);
  });
});

describe("what a process writes", () => {
  it("is logged by lines, cut between the bytes of a character or not", () => {
    const lines: string[] = [];
    const log = new LineLog({ log: (line, stream) => void lines.push(`${stream} ${line}`) });
    const bytes = Buffer.from("grün\nweiß\r\nrest");
    for (const byte of bytes) log.write({ stream: "stdout", data: Buffer.from([byte]) });
    log.write({ stream: "stderr", data: Buffer.from("err\n") });
    log.end();
    expect(lines).to.deep.equal(["out grün", "out weiß", "err err", "out rest"]);
    expect(log.last).to.deep.equal(["grün", "weiß", "err", "rest"]);
  });

  it("is kept up to a limit", () => {
    const tail = new Tail(10);
    for (let i = 0; i < 100; i++) tail.write(Buffer.from(`${i}\n`));
    expect(tail.bytes().toString()).to.equal("\n97\n98\n99\n");
    expect(tail.cut).to.be.true;
  });
});
