import { execFileSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder, tsbuildout } from "../support/cli.js";
import { temporaryFolder } from "../support/tmp.js";

const CONFIG =
  "[buildout]\nparts = web\n[base]\nx = 1\n[web]\nrecipe = docker.run\nimage = x\n[worker]\nrecipe = docker.run\nimage = x\n";

/** The mark is typed behind what was completed: when it is shown, the completion is done. */
const TYPE = `zmodload zsh/zpty
zpty z 'PS1="> " zsh -f -i'
zpty -w z 'autoload -Uz compinit; compinit -u -d ./zdump; . ./zsh; setopt nobeep; bindkey -e; echo rea""dy'
zpty -r z shown '*ready*>*'
zpty -n -w z "$1"$'\\t'; zpty -n -w z '@@'
zpty -r z shown '*@@*'
print -r -- "$shown"
zpty -d z
`;

describe("completion in the real shells", () => {
  let folder: string;
  before(async () => {
    folder = await temporaryFolder({ "buildout.cfg": CONFIG });
    await writeFile(join(folder, "type.zsh"), TYPE);
    await mkdir(join(folder, "bin"));
    const program = join(folder, "bin", "tsbuildout");
    await writeFile(
      program,
      `#!/bin/sh\nexec ${process.execPath} ${join(projectFolder, "dist/bundle/tsbuildout.cjs")} "$@"\n`,
    );
    await chmod(program, 0o755);
    for (const shell of ["bash", "zsh", "fish"])
      await writeFile(join(folder, shell), (await tsbuildout(["completion", shell], { cwd: folder })).stdout);
  });

  function shell(program: string, args: readonly string[]): string[] {
    const env = { PATH: `${folder}/bin:${process.env["PATH"]}`, HOME: folder, TERM: "dumb", NO_COLOR: "1" };
    const text = execFileSync(program, args, {
      cwd: folder,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return text.split("\n").filter((line) => line !== "");
  }
  const bash = (line: string): string[] =>
    shell("bash", [
      "--norc",
      "-c",
      `. ./bash; COMP_LINE=$1; COMP_POINT=\${#1}; read -r -a COMP_WORDS <<< "$1"; [[ "$1" == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _tsbuildout 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      line,
    ]);
  const fish = (line: string): string[] =>
    shell("fish", ["--no-config", "-c", "source ./fish; complete -C $argv[1]", line]).map(
      (each) => each.split("\t")[0]!,
    );
  /** Types the line, Tab, and a mark at a real prompt; what the terminal then shows. */
  const zsh = (line: string): string => shell("zsh", ["-f", "./type.zsh", line]).join("\n");

  const cases: [string, string[]][] = [
    ["tsbuildout uni", ["uninstall"]],
    ["tsbuildout install w", ["web", "worker"]],
    ["tsbuildout -c buildout.cfg plan wo", ["worker"]],
    ["tsbuildout annotate ba", ["base"]],
    ["tsbuildout recipes docker.vol", ["docker.volume"]],
    ["tsbuildout install --keep-g", ["--keep-going"]],
    ["tsbuildout completion ", ["bash", "fish", "zsh"]],
    ["tsbuildout init --from d", ["dockercise"]],
    ["tsbuildout graph --format m", ["mermaid"]],
    ["tsbuildout query we", ["web:"]],
  ];
  for (const [line, expected] of cases) {
    it(`bash completes "${line}"`, () => expect(bash(line)).to.deep.equal(expected));
    it(`fish completes "${line}"`, () => expect(fish(line)).to.deep.equal(expected));
  }
  it("bash completes the options of a section behind the colon, which ends a word for it", () =>
    expect(bash("tsbuildout query web:i")).to.deep.equal(["image"]));
  it("fish completes the options of a section", () =>
    expect(fish("tsbuildout query web:i")).to.deep.equal(["web:image"]));
  it("zsh completes a command and a part at its prompt", () => {
    expect(zsh("tsbuildout uni")).to.contain("uninstall");
    expect(zsh("tsbuildout plan wo")).to.contain("worker");
  });
  it("leaves what it has no word for to the shell", () => expect(bash("tsbuildout -c b")).to.deep.equal([]));
});
