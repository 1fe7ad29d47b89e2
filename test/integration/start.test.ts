import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

const HEAVY = ["module", "http", "perf_hooks", "tls", "child_process", "worker_threads", "v8", "dns"];

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

  const nothingToDo: readonly [string, string, readonly string[]][] = [
    ["docker.volume", "name = tsbuildout-start", [...HEAVY, "crypto", "fs/promises", "zlib"]],
    // Files that were written to just now are read again.
    ["docker.build", "name = tsbuildout-start\nsource = context", HEAVY],
  ];
  for (const [recipe, options, spared] of nothingToDo)
    it(`of a ${recipe} that stays as it is loads few files, and none of Node's modules that take it long`, async () => {
      const cwd = mkdtempSync(join(tmpdir(), "tsbuildout-start-"));
      try {
        const list = join(cwd, "list.cjs");
        writeFileSync(list, "process.on('exit', () => console.error(process.moduleLoadList.join('\\n')));");
        mkdirSync(join(cwd, "context"));
        writeFileSync(join(cwd, "context/Dockerfile"), "FROM scratch\nLABEL a=1\n");
        writeFileSync(
          join(cwd, "buildout.cfg"),
          `[buildout]\nparts = p\n[p]\nrecipe = ${recipe}\n${options}\n`,
        );
        await tsbuildout(["install"], { cwd });
        let loaded: string[] = [];
        const { chunks } = await loadedSources(projectFolder, async (env) => {
          const NODE_OPTIONS = `--require ${list}`;
          const { code, stderr } = await tsbuildout(["install"], { cwd, env: { ...env, NODE_OPTIONS } });
          expect(code, stderr).to.equal(0);
          loaded = stderr.split("\n").map((line) => line.replace(/^NativeModule /, ""));
        });
        expect(loaded).to.include("net");
        expect(loaded.filter((name) => spared.includes(name))).to.deep.equal([]);
        const ours = chunks.filter((chunk) => chunk.startsWith("dist/bundle/"));
        expect(ours.length, ours.join()).to.be.at.most(18);
      } finally {
        await tsbuildout(["uninstall", "--all"], { cwd });
        rmSync(cwd, { recursive: true, force: true });
      }
    });
});
