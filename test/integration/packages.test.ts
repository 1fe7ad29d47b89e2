import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder, tsbuildout } from "../support/cli.js";
import { temporaryFolder, writeFiles } from "../support/tmp.js";

const RECIPE = (word: string): string => `
import { writeFile } from "node:fs/promises";
import { defineRecipe, option } from "tsbuildout/recipe";
export default defineRecipe({
  doc: "Writes a file.",
  options: { text: option.string({ doc: "What.", default: "${word}" }) },
  async install(context) {
    const path = context.buildout.directory + "/" + context.part + ".txt";
    await context.created({ kind: "file", name: path });
    await writeFile(path, context.options.text);
  },
});
`;

interface Release {
  readonly manifest: Record<string, unknown>;
  readonly tarball: Buffer;
}

/** A registry of packages as npm speaks to one (https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md). */
class NpmRegistry {
  readonly #releases = new Map<string, Map<string, Release>>();
  readonly #server: Server;
  asked = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.asked++;
      const [, name = "", file] =
        /^\/((?:@[^/]+(?:\/|%2f))?[^/]+)(?:\/-\/(.+))?$/i.exec(request.url ?? "") ?? [];
      const releases = this.#releases.get(decodeURIComponent(name));
      if (releases && file) response.end(releases.get(/-(\d[^-]*)\.tgz$/.exec(file)![1]!)!.tarball);
      else {
        response.writeHead(releases ? 200 : 404, { "Content-Type": "application/json" });
        response.end(JSON.stringify(releases ? this.#packument(decodeURIComponent(name), releases) : {}));
      }
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  #packument(name: string, releases: ReadonlyMap<string, Release>): object {
    const versions = [...releases].map(([version, { manifest, tarball }]) => {
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      return [
        version,
        {
          ...manifest,
          dist: { tarball: `${this.url}${name}/-/${name.split("/").at(-1)}-${version}.tgz`, integrity },
        },
      ];
    });
    return {
      name,
      "dist-tags": { latest: [...releases.keys()].at(-1) },
      versions: Object.fromEntries(versions),
    };
  }

  async publish(
    name: string,
    version: string,
    files: Readonly<Record<string, string>>,
    more: object = {},
  ): Promise<void> {
    const manifest = { name, version, type: "module", ...more };
    const folder = await temporaryFolder({ "package.json": JSON.stringify(manifest) });
    await writeFiles(folder, files);
    execFileSync("npm", ["pack", "--silent", "--ignore-scripts"], { cwd: folder });
    const tarball = await readFile(join(folder, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`));
    const releases = this.#releases.get(name) ?? new Map<string, Release>();
    this.#releases.set(name, releases.set(version, { manifest, tarball }));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const error = (code: string, message: string, recipe: string, ...help: string[]): string =>
  [
    `error[${code}]: ${message} (part hello)`,
    "  buildout.cfg:5:10",
    `5 | recipe = ${recipe}`,
    `  |          ${"^".repeat(recipe.length)}`,
    ...help.map((line) => `  = help: ${line}`),
    "",
  ].join("\n");

describe("recipe packages", () => {
  let registry: NpmRegistry;
  let folder: string;
  before(async () => {
    registry = new NpmRegistry();
    await registry.listen();
    const entries = { exports: { ".": "./index.js", "./other": "./lib/other.js" } };
    await registry.publish(
      "tsb-hello",
      "1.0.0",
      { "index.js": RECIPE("one"), "lib/other.js": RECIPE("other") },
      entries,
    );
    await registry.publish(
      "tsb-hello",
      "1.1.0",
      { "index.js": RECIPE("one.one"), "lib/other.js": RECIPE("other") },
      entries,
    );
    await registry.publish("tsb-hello", "2.0.0", { "index.js": RECIPE("two") }, entries);
    await registry.publish("@tsb/scoped", "0.1.0", { "index.js": RECIPE("scoped") }, { main: "index.js" });
    await registry.publish("tsb-throws", "1.0.0", { "index.js": 'throw new Error("no such luck");\n' });
    await registry.publish("tsb-empty", "1.0.0", { "index.js": "export default 42;\n" });
    await registry.publish(
      "tsb-old",
      "1.0.0",
      { "index.js": RECIPE("x") },
      { peerDependencies: { tsbuildout: "^99.0.0" } },
    );
    await registry.publish(
      "tsb-script",
      "1.0.0",
      { "index.js": RECIPE("x") },
      { scripts: { install: "echo cannot compile >&2; exit 7" } },
    );
  });
  after(() => registry.close());
  beforeEach(async () => {
    folder = await temporaryFolder();
    await use("tsb-hello");
  });

  async function use(recipe: string, rest = "", buildout = ""): Promise<void> {
    await writeFile(
      join(folder, "buildout.cfg"),
      `[buildout]\nparts = hello\n${buildout}\n[hello]\nrecipe = ${recipe}\n\n${rest}`,
    );
  }
  const run = async (...args: string[]) =>
    await tsbuildout(args, {
      cwd: folder,
      env: { npm_config_registry: registry.url, npm_config_ignore_scripts: "false" },
    });
  const written = async (): Promise<string> => await readFile(join(folder, "hello.txt"), "utf8");
  async function refused(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: "" });
    expect(existsSync(join(folder, "hello.txt"))).to.equal(false);
    return stderr;
  }

  it("are installed by npm, and taken as they are the next time", async () => {
    expect(await run()).to.include({ code: 0, stderr: "" });
    expect(await written()).to.equal("two");
    const asked = registry.asked;
    expect((await run("-N")).stdout).to.match(/^nothing changed: 1 unchanged/);
    expect((await run("-o")).stdout).to.match(/^nothing changed: 1 unchanged/);
    expect(registry.asked).to.equal(asked);
    expect(await run("uninstall", "--all")).to.include({ code: 0 });
    expect(existsSync(join(folder, ".tsbuildout"))).to.equal(false);
  });

  it("come in the version that [versions] names; another one reinstalls, and says why", async () => {
    await use("tsb-hello", "[versions]\ntsb-hello = ~1.0\n");
    await run();
    expect(await written()).to.equal("one");
    await use("tsb-hello", "[versions]\ntsb-hello = ^1\n");
    expect((await run("plan", "-n")).stdout).to.contain("recipe version 1.0.0 -> 1.1.0");
    await run("-n");
    expect(await written()).to.equal("one.one");
  });

  it("name an entry behind a colon; scopes work, and files beside the file that says it", async () => {
    await use("tsb-hello:other", "[versions]\ntsb-hello = 1.0.0\n");
    await run();
    expect(await written()).to.equal("other");
    await use("@tsb/scoped", "[versions]\ntsb-hello = 1.0.0\n");
    expect(await run()).to.include({ code: 0, stderr: "" });
    expect(await written()).to.equal("scoped");
    await mkdir(join(folder, "shared"));
    await writeFile(join(folder, "shared/mine.js"), RECIPE("mine"));
    await writeFile(join(folder, "shared/base.cfg"), "[hello]\nrecipe = ./mine.js\n");
    await writeFile(join(folder, "buildout.cfg"), "[buildout]\nextends = shared/base.cfg\nparts = hello\n");
    await run();
    expect(await written()).to.equal("mine");
    await writeFile(join(folder, "shared/mine.js"), RECIPE("changed"));
    expect((await run("plan")).stdout).to.match(/recipe version [0-9a-f]{12} -> [0-9a-f]{12}/);
  });

  it("are taken from the buildout's own node_modules first", async () => {
    await writeFiles(folder, {
      "node_modules/tsb-hello/package.json":
        '{"name":"tsb-hello","version":"9.0.0","type":"module","main":"x.js"}',
      "node_modules/tsb-hello/x.js": RECIPE("own"),
    });
    await run();
    expect(await written()).to.equal("own");
    expect(existsSync(join(folder, ".tsbuildout/packages"))).to.equal(false);
  });

  it("show what was picked, and write it down where it is asked for", async () => {
    await use("tsb-hello", "", "show-picked-versions = true\nupdate-versions-file = versions.cfg");
    expect((await run()).stdout).to.contain("[versions]\ntsb-hello = 2.0.0\n");
    expect(await readFile(join(folder, "versions.cfg"), "utf8")).to.match(
      /^\n\[versions\]\n# Picked by tsbuildout on [\d-]+\ntsb-hello = 2\.0\.0\n$/,
    );
  });

  it("say what their options are, once a run has installed them", async () => {
    expect((await run("recipes", "tsb-hello")).code).to.equal(2);
    await run();
    expect((await run("recipes", "tsb-hello")).stdout).to.match(
      /^tsb-hello\n[^]*\n {2}text = two +\[string\]\n/,
    );
  });

  it("are written down under [versions] where the file ends with another section", async () => {
    await use("tsb-hello", "", "update-versions-file = versions.cfg");
    await writeFile(join(folder, "versions.cfg"), "[versions]\nx = 1\n\n[other]\ny = 2\n");
    await run();
    expect(await readFile(join(folder, "versions.cfg"), "utf8")).to.match(
      /\[other\]\ny = 2\n\n\[versions\]\n# Picked by tsbuildout on [\d-]+\ntsb-hello = 2\.0\.0\n$/,
    );
  });

  it("get the tsbuildout that runs them, whichever ran them before", async () => {
    await run();
    const link = join(folder, ".tsbuildout/packages/node_modules/tsbuildout");
    await rm(link);
    await symlink(await temporaryFolder({ "package.json": '{"name":"tsbuildout"}' }), link);
    expect(await run("-N", "--reinstall", "hello")).to.include({ code: 0, stderr: "" });
    expect(await realpath(link)).to.equal(await realpath(projectFolder));
  });

  it("are asked for as .npmrc says, and no more as one says that is gone", async () => {
    const copy = join(folder, ".tsbuildout/packages/.npmrc");
    await writeFile(join(folder, ".npmrc"), "//registry.example/:_authToken=old\n");
    await run();
    expect(await readFile(copy, "utf8")).to.equal("//registry.example/:_authToken=old\n");
    await rm(join(folder, ".npmrc"));
    await run();
    expect(existsSync(copy)).to.equal(false);
  });

  it("must be pinned where allow-picked-versions is false", async () => {
    await use("tsb-hello", "", "allow-picked-versions = false");
    const stderr = await refused();
    expect(stderr).to.contain(
      "error[recipe/picked-version]: [versions] says nothing of tsb-hello, and allow-picked-versions is false (part hello)",
    );
    expect(stderr).to.contain("  = help: write tsb-hello = VERSION in [versions]");
  });

  it("are each refused for their own reason, before anything is done", async () => {
    await use("tsb-nowhere");
    expect(await refused()).to.equal(
      error(
        "recipe/no-package",
        "tsb-nowhere cannot be installed: the registry has no such package (E404)",
        "tsb-nowhere",
        "correct the name (recipes are JavaScript packages, none of Python), or install the package beside the buildout file yourself",
      ),
    );
    await use("tsb-hello", "[versions]\ntsb-hello = ^7\n");
    expect(await refused()).to.equal(
      error(
        "recipe/no-version",
        "tsb-hello@^7 cannot be installed: no version of it fits (ETARGET)",
        "tsb-hello",
        "correct its range in [versions]",
      ),
    );
    await use("tsb-throws");
    expect((await refused()).replaceAll(folder, "@")).to.equal(
      error(
        "recipe/broken",
        "cannot load recipe tsb-throws: no such luck",
        "tsb-throws",
        "it was thrown at @/.tsbuildout/packages/node_modules/tsb-throws/index.js:1",
      ),
    );
    await use("tsb-empty");
    expect(await refused()).to.equal(
      error(
        "recipe/not-a-recipe",
        "tsb-empty exports no recipe: its default export is a number",
        "tsb-empty",
        "its default export must be what defineRecipe gives",
      ),
    );
    await use("tsb-old");
    expect(await refused()).to.match(
      /^error\[recipe\/peer-version\]: tsb-old 1\.0\.0 is written for tsbuildout \^99\.0\.0, this is \d+\.\d+\.\d+ \(part hello\)\n/,
    );
    await use("tsb-script");
    expect(await refused()).to.match(
      /^error\[recipe\/install-script\]: tsb-script cannot be installed: a script of it failed with exit code 7[^]*cannot compile/,
    );
    await use("tsb-hello:nothing");
    expect(await refused()).to.equal(
      error(
        "recipe/missing",
        'tsb-hello has no entry "nothing"',
        "tsb-hello:nothing",
        "its package.json says under exports what it has",
      ),
    );
    await use("./nowhere.js");
    expect(await refused()).to.contain("error[recipe/missing]: there is no recipe ./nowhere.js:");
  });

  it("need a registry that answers, unless they are there", async () => {
    const env = { npm_config_registry: "http://127.0.0.1:9/", npm_config_fetch_retries: "0" };
    const gone = await tsbuildout([], { cwd: folder, env });
    expect(gone.code).to.equal(2);
    expect(gone.stderr).to.contain(
      "error[recipe/registry]: tsb-hello cannot be installed: the registry does not answer (ECONNREFUSED)",
    );
    expect((await run("-o")).stderr).to.contain(
      "error[recipe/offline]: tsb-hello is not installed, and this run is offline",
    );
    await run();
    expect(await tsbuildout([], { cwd: folder, env })).to.include({ code: 0 });
  });

  it("must be what the lockfile says", async () => {
    await run();
    const lock = join(folder, ".tsbuildout/packages/package-lock.json");
    const text = await readFile(lock, "utf8");
    await writeFile(lock, text.replace(/"sha512-[^"]{8}/, '"sha512-AAAAAAAA'));
    await rm(join(folder, ".tsbuildout/packages/node_modules"), { recursive: true });
    const { code, stderr } = await run("-N");
    expect(code).to.equal(2);
    expect(stderr).to.contain(
      "error[recipe/integrity]: tsb-hello cannot be installed: what came is not what the lockfile says (EINTEGRITY)",
    );
  });

  it("bring extensions, which set defaults and hear what happens", async () => {
    await writeFile(
      join(folder, "extension.js"),
      `import { appendFileSync } from "node:fs";
import { defineExtension } from "tsbuildout/recipe";
export default defineExtension({
  defaults: { "*": { text: "from the extension" } },
  report: (event) => appendFileSync("heard", event.type + "\\n"),
});
`,
    );
    await use("tsb-hello", "", "extensions = ./extension.js");
    expect(await run()).to.include({ code: 0, stderr: "" });
    expect(await written()).to.equal("from the extension");
    expect(await readFile(join(folder, "heard"), "utf8")).to.match(
      /^run-started\n[^]*part-ended\nrun-ended\n$/,
    );
    await use("tsb-hello", "", "extensions = ./nowhere.js");
    expect((await run()).stderr).to.match(
      /^error\[recipe\/missing\]: there is no recipe \.\/nowhere\.js: [^\n]*\n {2}buildout\.cfg:3:14\n/,
    );
  });
});
