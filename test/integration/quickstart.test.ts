import { cp, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder, tsbuildout, type CliResult } from "../support/cli.js";
import { engineHas, engineJson, engineRemove, engineRequest, uniqueName } from "../support/engine.js";
import { loadImage } from "../support/images.js";
import { temporaryFolder } from "../support/tmp.js";

interface Step {
  readonly part: string;
  readonly action: string;
}

async function idOf(path: string): Promise<string | undefined> {
  const object = await engineJson<{ Id?: string; ID?: string }>({ path });
  return object.Id ?? object.ID;
}

/** The example of the quick start as its reader uses it, on names of its own: another may be on the engine. */
describe("the quick start", () => {
  const prefix = uniqueName("quickstart");
  const base = `${prefix}-busybox:latest`;
  const objects = [
    `/containers/${prefix}-web/json`,
    `/networks/${prefix}-net`,
    `/volumes/${prefix}-visits`,
    `/images/${prefix}-page/json`,
  ];
  let folder: string;
  const run = (...args: string[]): Promise<CliResult> => tsbuildout(args, { cwd: folder });

  before(async () => {
    await loadImage(base);
    folder = join(await temporaryFolder(), "quickstart");
    await cp(join(projectFolder, "examples/quickstart"), folder, { recursive: true });
    await edit("buildout.cfg", /quickstart-/g, `${prefix}-`);
    await edit("Dockerfile", "busybox:latest", base);
  });
  after(async () => {
    await run("uninstall", "--all");
    await engineRemove("images", base);
  });

  async function edit(file: string, from: string | RegExp, to: string): Promise<void> {
    const path = join(folder, file);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace(from, to));
  }

  async function planned(): Promise<string[]> {
    const { stdout } = await run("plan", "--json");
    const { steps } = JSON.parse(stdout) as { steps: Step[] };
    return steps.filter(({ action }) => action !== "none").map(({ part, action }) => `${action} ${part}`);
  }

  async function succeed(...args: string[]): Promise<CliResult> {
    const result = await run(...args);
    expect(result.code, result.stdout + result.stderr).to.equal(0);
    return result;
  }

  /** What the page says, seen from inside of the container: the engine may be elsewhere. */
  async function visit(): Promise<string> {
    // The server may not listen yet: nobody has waited for it.
    const Cmd = ["sh", "-c", "until wget -qO- http://127.0.0.1/cgi-bin/hello 2>/dev/null; do :; done"];
    const { Id } = await engineJson<{ Id: string }>({
      method: "POST",
      path: `/containers/${prefix}-web/exec`,
      body: { Cmd, AttachStdout: true, Tty: true },
    });
    const body = { Detach: false, Tty: true };
    const answer = await engineRequest({ method: "POST", path: `/exec/${Id}/start`, body });
    return answer.body.toString().trim();
  }

  it("installs a volume, a network, an image and a container that uses the three", async () => {
    await succeed("install");
    for (const path of objects) expect(await engineHas(path), path).to.equal(true);
    expect(await visit()).to.equal("Hello from tsbuildout: visit 1");
    expect(await visit()).to.equal("Hello from tsbuildout: visit 2");
  });

  it("does nothing the second time", async () => {
    const container = await idOf(objects[0] ?? "");
    expect(await planned()).to.deep.equal([]);
    const { stdout } = await succeed("install");
    expect(stdout).to.match(/nothing changed/i);
    expect(await idOf(objects[0] ?? "")).to.equal(container);
  });

  it("reinstalls just the container for an option of its own; the volume keeps its content", async () => {
    const [, network, , image] = await Promise.all(objects.map(idOf));
    await edit("buildout.cfg", "Hello from tsbuildout", "Good morning");
    await succeed("install");
    expect(await visit()).to.equal("Good morning: visit 3");
    expect(await idOf(objects[1] ?? "")).to.equal(network);
    expect(await idOf(objects[3] ?? "")).to.equal(image);
  });

  it("builds the image again for a changed file, and with it the container", async () => {
    await edit("page/cgi-bin/hello", "visit %s", "visitor %s");
    await succeed("install");
    expect(await visit()).to.equal("Good morning: visitor 4");
  });

  it("leaves nothing when it is uninstalled", async () => {
    await succeed("uninstall", "--all");
    for (const path of objects) expect(await engineHas(path), path).to.equal(false);
    expect((await readdir(folder)).filter((name) => name.startsWith(".installed"))).to.deep.equal([]);
    expect(await engineHas(`/images/${base}/json`)).to.equal(true);
  });
});
