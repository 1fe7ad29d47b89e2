import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder, tsbuildout } from "../support/cli.js";
import { loadedSources } from "../support/loaded.js";

const example = join(projectFolder, "examples/quickstart");

/** The packages and rooms that a cold run of the bundle loads; what is not asked for must not be paid for. */
async function loads(...args: string[]): Promise<{ readonly packages: string[]; readonly rooms: string[] }> {
  const { sources } = await loadedSources(projectFolder, async (env) => {
    const { code, stderr } = await tsbuildout(args, { cwd: example, env });
    expect(code, stderr).to.equal(0);
  });
  const named = (pattern: RegExp): string[] => [
    ...new Set(sources.flatMap((source) => pattern.exec(source)?.[1] ?? [])),
  ];
  return { packages: named(/node_modules\/((?:@[^/]+\/)?[^/]+)/), rooms: named(/^src\/(\w+)\//) };
}

describe("a cold start", () => {
  it("of --version loads no package, no recipe, nothing of Docker", async () => {
    const { packages, rooms } = await loads("--version");
    expect(packages).to.deep.equal([]);
    expect(rooms.filter((room) => room !== "cli" && room !== "engine")).to.deep.equal([]);
  });

  it("of annotate loads no recipe, nothing of Docker, none of the heavy packages", async () => {
    const { packages, rooms } = await loads("annotate");
    expect(packages).to.deep.equal([]);
    expect(rooms).to.not.include("docker");
    const { sources } = await loadedSources(projectFolder, (env) =>
      tsbuildout(["annotate"], { cwd: example, env }),
    );
    expect(sources.filter((source) => /^src\/recipes\/(?!faces)/.test(source))).to.deep.equal([]);
  });

  it("of a run that has nothing to do loads none of Node's modules that take it long", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "tsbuildout-start-"));
    try {
      const list = join(cwd, "list.cjs");
      writeFileSync(list, "process.on('exit', () => console.log(process.moduleLoadList.join('\\n')));");
      writeFileSync(
        join(cwd, "buildout.cfg"),
        "[buildout]\nparts = v\n[v]\nrecipe = docker.volume\nname = tsbuildout-start\n",
      );
      await tsbuildout(["install"], { cwd });
      const { code, stdout } = await tsbuildout(["install"], {
        cwd,
        env: { NODE_OPTIONS: `--require ${list}` },
      });
      expect(code, stdout).to.equal(0);
      const loaded = stdout.split("\n").map((line) => line.replace(/^NativeModule /, ""));
      expect(loaded).to.include("http");
      const heavy = [
        "crypto",
        "fs/promises",
        "perf_hooks",
        "tls",
        "child_process",
        "worker_threads",
        "v8",
        "zlib",
        "dns",
      ];
      expect(loaded.filter((name) => heavy.includes(name))).to.deep.equal([]);
    } finally {
      await tsbuildout(["uninstall", "--all"], { cwd });
      rmSync(cwd, { recursive: true, force: true });
    }
  });
});
