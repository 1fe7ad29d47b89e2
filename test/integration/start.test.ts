import { expect } from "chai";
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
});
