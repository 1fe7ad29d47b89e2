import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import {
  checkContext,
  contextDigest,
  openContext,
  type ContextOptions,
} from "../../../src/docker/context.js";
import { DockerError, type Problem } from "../../../src/docker/errors.js";
import { openLayout } from "../../../src/docker/layout.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error.problem;
}

/** The names in the archive that a build would be sent. */
async function names(root: string, options: ContextOptions = {}): Promise<string[]> {
  const input = await buffer((await openContext(root, options)).pack());
  return execFileSync("tar", ["-tf", "-"], { input, encoding: "utf8" }).trim().split("\n");
}

const digestOf = async (root: string, cache?: string): Promise<string> =>
  await (await openContext(root)).digest(cache);

/** With a clock that is ahead: what was written just now is then old enough to be remembered. */
async function ahead<T>(work: () => Promise<T>): Promise<T> {
  const now = Date.now;
  Date.now = () => now() + 60_000;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

const inline = (name: string, content: string): ContextOptions => ({
  dockerfile: name,
  extra: [{ name, content: Buffer.from(content) }],
});
const write = (path: string, text: string) => () => writeFileSync(path, text);

/** Sets a file's times to some hours ago, as if it had not just been written. */
function age(path: string): void {
  utimesSync(path, 1_600_000_000, 1_600_000_000);
}

describe("a build context", () => {
  it("is sorted, owned by root, and has what the folder has", async () => {
    const root = await temporaryFolder({
      Dockerfile: "FROM scratch",
      "b/z": "z",
      "b/a": "a",
      a: "1",
      "b.x": "2",
    });
    mkdirSync(join(root, "empty"));
    symlinkSync("/nowhere", join(root, "link"));
    linkSync(join(root, "a"), join(root, "hard"));
    if (process.getuid?.() === 0) chownSync(join(root, "a"), 1000, 1000);
    chmodSync(join(root, "a"), 0o4751);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x41])]), "not UTF-8");
    const input = await buffer((await openContext(root)).pack());
    const said = execFileSync("tar", ["--numeric-owner", "--quoting-style=escape", "-tvf", "-"], {
      input,
      encoding: "utf8",
    });
    const lines = said
      .trim()
      .split("\n")
      .map((line) => line.replace(/ +\d+ [\d-]+ [\d:]+ /, " "));
    expect(lines).to.deep.equal([
      "-rw-r--r-- 0/0 Dockerfile",
      "-rwsr-x--x 0/0 a",
      "drwxr-xr-x 0/0 b/",
      "-rw-r--r-- 0/0 b/a",
      "-rw-r--r-- 0/0 b/z",
      "-rw-r--r-- 0/0 b.x",
      "drwxr-xr-x 0/0 empty/",
      "hrwsr-x--x 0/0 hard link to a",
      "lrwxrwxrwx 0/0 link -> /nowhere",
      "-rw-r--r-- 0/0 \\377A",
    ]);
  });

  it("leaves out what is ignored, but never the Dockerfile and the patterns themselves", async () => {
    const root = await temporaryFolder({
      "docker/Dockerfile": "",
      ".dockerignore": "*\n!src\nsrc/*.o\n!lib/deep/*.c",
      "src/a.c": "",
      "src/a.o": "",
      "lib/deep/b.c": "",
      "lib/deep/b.h": "",
      "lib/c.c": "",
      "junk/j": "",
    });
    expect(await names(root, { dockerfile: "docker/Dockerfile" })).to.deep.equal([
      ".dockerignore",
      "docker/",
      "docker/Dockerfile",
      "lib/",
      "lib/deep/",
      "lib/deep/b.c",
      "src/",
      "src/a.c",
    ]);
  });

  it("goes by the patterns beside the Dockerfile, where there are any", async () => {
    const root = await temporaryFolder({
      Dockerfile: "",
      "Dockerfile.dockerignore": "a",
      ".dockerignore": "b",
      a: "",
      b: "",
    });
    const context = await openContext(root);
    expect(context.ignoreFile).to.equal(join(root, "Dockerfile.dockerignore"));
    expect((await context.listed).entries.map(({ path }) => path))
      .to.include("b")
      .and.not.include("a");
  });

  it("takes a Dockerfile from outside and files that are in no folder", async () => {
    const root = await temporaryFolder({ a: "", gone: "theirs" });
    const outside = join(await temporaryFolder({ Other: "FROM scratch" }), "Other");
    const extra = [{ name: "gone", content: Buffer.from("ours") }];
    const context = await openContext(root, { dockerfile: outside, extra });
    expect(context.dockerfile).to.equal(".tsbuildout.Dockerfile");
    expect(await names(root, { dockerfile: outside, extra })).to.deep.equal([
      "a",
      ".dockerignore",
      "gone",
      ".tsbuildout.Dockerfile",
    ]);
    const input = await buffer(context.pack());
    const content = (name: string) => execFileSync("tar", ["-xOf", "-", name], { input, encoding: "utf8" });
    expect(content("gone")).to.equal("ours");
    expect(content(".dockerignore"), "for who unpacks it").to.equal(
      "\n/.dockerignore\n/.tsbuildout.Dockerfile\n",
    );
  });

  it("takes the Dockerfile that a link leads to, and says in patterns what is left out", async () => {
    const elsewhere = await temporaryFolder({ shared: "FROM x\n" });
    const folder = await temporaryFolder({ ".dockerignore": "*.md", "own [1]": "", f: "" });
    symlinkSync(join(elsewhere, "shared"), join(folder, "Dockerfile"));
    const context = await openContext(folder, { leaveOut: [join(folder, "own [1]"), elsewhere] });
    expect(context.dockerfile).to.equal(".tsbuildout.Dockerfile");
    expect(context.dockerfileContent.toString()).to.equal("FROM x\n");
    expect(context.patterns).to.equal("*.md\n/own \\[1\\]\n");
    const before = await context.digest();
    writeFileSync(join(elsewhere, "shared"), "FROM y\n");
    expect(await (await openContext(folder)).digest()).not.to.equal(before);
  });

  it("says what is not there", async () => {
    const root = await temporaryFolder({ file: "" });
    for (const open of [
      openContext,
      checkContext,
      async (folder: string, options: ContextOptions) =>
        await contextDigest(folder, options, join(root, "kept")),
    ]) {
      const said = async (folder: string, options = {}) => await refusal(open(folder, options));
      expect(await said(join(root, "none"))).to.deep.equal({
        code: "folder/unreadable",
        message: `cannot read ${join(root, "none")}: it does not exist`,
      });
      expect(await said(join(root, "file"))).to.deep.equal({
        code: "folder/unreadable",
        message: `cannot read ${join(root, "file")}: it is not a folder`,
      });
      expect(await said(root)).to.deep.equal({
        code: "context/no-dockerfile",
        message: `cannot read ${join(root, "Dockerfile")}: it does not exist`,
        option: "source",
      });
      expect(await said(root, { dockerfile: "x" })).to.include({ option: "dockerfile" });
      expect(await said(root, { dockerfile: "file/x" })).to.include({
        message: `cannot read ${join(root, "file/x")}: it does not exist`,
      });
    }
  });

  it("does not wait for a pipe to be written to", async () => {
    const root = await temporaryFolder({ Dockerfile: "FROM x\n" });
    const reason = async (): Promise<string> => (await refusal(openContext(root))).message;
    execFileSync("mkfifo", [join(root, ".dockerignore")]);
    expect(await reason()).to.equal(`cannot read ${join(root, ".dockerignore")}: it is not a file`);
    rmSync(join(root, "Dockerfile"));
    execFileSync("mkfifo", [join(root, "Dockerfile")]);
    expect(await reason()).to.equal(`cannot read ${join(root, "Dockerfile")}: it is not a file`);
  });

  it("says that a file became shorter while it was read", async () => {
    const root = await temporaryFolder({ Dockerfile: "" });
    writeFileSync(join(root, "big"), Buffer.alloc(3_000_000));
    const context = await openContext(root);
    await context.listed;
    writeFileSync(join(root, "big"), "short");
    expect(await refusal(buffer(context.pack()))).to.deep.equal({
      code: "folder/changed",
      message: `${join(root, "big")} changed while it was read`,
      help: ["run again when nothing writes to the folder"],
    });
  });

  it("packs files of any size whole", async () => {
    const root = await temporaryFolder({ Dockerfile: "" });
    const sizes = [0, 1, 511, 512, 513, 131_071, 131_072, 131_073, 1_048_576, 2_500_000];
    for (const size of sizes) writeFileSync(join(root, `f${size}`), Buffer.alloc(size, String(size)));
    const out = await temporaryFolder();
    execFileSync("tar", ["-C", out, "-xf", "-"], { input: await buffer((await openContext(root)).pack()) });
    for (const size of sizes) {
      expect(
        readFileSync(join(out, `f${size}`)).equals(Buffer.alloc(size, String(size))),
        String(size),
      ).to.equal(true);
    }
  });
});

describe("the digest of a folder", () => {
  it("changes with names, contents, permissions, links and kinds, and with nothing else", async () => {
    const root = await temporaryFolder({ Dockerfile: "", a: "1", "d/b": "2" });
    const seen = new Set([await digestOf(root)]);
    const differs = async (): Promise<boolean> => {
      const digest = await digestOf(root);
      const fresh = !seen.has(digest);
      seen.add(digest);
      return fresh;
    };
    age(join(root, "a"));
    expect(await differs(), "times").to.equal(false);
    const changes: Record<string, () => void> = {
      content: () => writeFileSync(join(root, "a"), "2"),
      name: () => renameSync(join(root, "a"), join(root, "c")),
      mode: () => chmodSync(join(root, "c"), 0o755),
      folder: () => mkdirSync(join(root, "e")),
      link: () => symlinkSync("x", join(root, "l")),
      "hard link": () => linkSync(join(root, "c"), join(root, "h")),
    };
    for (const [what, change] of Object.entries(changes)) {
      change();
      expect(await differs(), what).to.equal(true);
    }
  });

  it("is the same without cache, with an empty one and with a full one, and reads only what changed", async () => {
    const root = await temporaryFolder({ Dockerfile: "", a: "1", "d/b": "2" });
    const cache = join(await temporaryFolder(), "cache.json");
    const known = (): string[] =>
      Object.keys((JSON.parse(readFileSync(cache, "utf8")) as { files: object }).files);
    const plain = await digestOf(root);
    expect(await digestOf(root, cache)).to.equal(plain);
    // What was written within the last two seconds may be written again unseen, and is not remembered. The cache goes
    // by the time of the last change of an inode, which nobody can set.
    writeFileSync(cache, JSON.stringify({ version: 1, files: { a: line(join(root, "a"), "0".repeat(64)) } }));
    const fooled = await digestOf(root, cache);
    expect(fooled, "taken from the cache").not.to.equal(plain);
    appendFileSync(join(root, "a"), "");
    writeFileSync(join(root, "a"), "1");
    expect(await digestOf(root, cache), "changed since").to.equal(plain);
    expect(known()).not.to.include("a");
    writeFileSync(cache, "{ damaged");
    expect(await digestOf(root, cache)).to.equal(plain);
  });

  it("is remembered file by file, as long as the file is there and as it was", async () => {
    const root = await temporaryFolder({ Dockerfile: "", a: "1", "d/b": "2" });
    const cache = join(await temporaryFolder(), "cache.json");
    const known = (): string[] =>
      Object.keys((JSON.parse(readFileSync(cache, "utf8")) as { files: object }).files).sort();
    const digest = async (): Promise<string> => await ahead(async () => await digestOf(root, cache));
    const plain = await digest();
    expect(known()).to.deep.equal(["Dockerfile", "a", "d/b"]);
    writeFileSync(join(root, "a"), "3");
    expect(await digest()).not.to.equal(plain);
    expect(known()).to.deep.equal(["Dockerfile", "a", "d/b"]);
    const written = statSync(cache, { bigint: true }).ino;
    await digest();
    expect(statSync(cache, { bigint: true }).ino, "not written again").to.equal(written);
    rmSync(join(root, "a"));
    await digest();
    expect(known()).to.deep.equal(["Dockerfile", "d/b"]);
    const fooled = { version: 2, files: { "d/b": line(join(root, "d/b"), "0".repeat(64)) } };
    writeFileSync(cache, JSON.stringify(fooled));
    expect(await digest(), "of another version").to.equal(await digestOf(root));
  });

  it("is the same for who has seen the folder before, whatever has changed since", async () => {
    const outside = await temporaryFolder({ Dockerfile: "FROM a" });
    const root = await temporaryFolder({ Dockerfile: "", Other: "", own: "", "d/b": "2", "d/c": "3" });
    const cache = join(outside, "kept");
    const steps: readonly [change: (() => void) | undefined, options: ContextOptions][] = [
      [undefined, {}],
      [undefined, { leaveOut: [join(root, "own")] }],
      [write(join(root, ".dockerignore"), "d/b\nD*\nOther"), {}],
      [undefined, { dockerfile: "Other" }],
      [write(join(root, ".dockerignore"), "d/c\nD*\nOther"), { dockerfile: "Other" }],
      [write(join(root, "Other.dockerignore"), "d"), { dockerfile: "Other" }],
      [undefined, { dockerfile: join(outside, "Dockerfile") }],
      [write(join(outside, "Dockerfile"), "FROM b"), { dockerfile: join(outside, "Dockerfile") }],
      [write(join(outside, "Dockerfile.dockerignore"), "own"), { dockerfile: join(outside, "Dockerfile") }],
      [undefined, inline("in", "FROM a")],
      [undefined, inline("in", "FROM b")],
      [undefined, inline("ni", "FROM b")],
    ];
    const seen = new Set<string>();
    for (const [at, [change, options]] of steps.entries()) {
      change?.();
      const listed = await (await openContext(root, options)).digest();
      for (const time of ["first", "again"])
        expect(await ahead(async () => await contextDigest(root, options, cache)), `${at} ${time}`).to.equal(
          listed,
        );
      seen.add(listed);
    }
    expect(seen.size).to.equal(steps.length);
  });

  it("keeps nothing of what a Dockerfile says that is no file of the folder", async () => {
    const root = await temporaryFolder({ a: "1" });
    const kept = await temporaryFolder({});
    const digest = contextDigest.bind(undefined, root, inline("in", "ARG TOKEN=geheim"), join(kept, "cache"));
    await ahead(digest);
    const files = readdirSync(kept);
    expect(files).to.deep.equal(["cache", "cache.stamp"]);
    for (const file of files) expect(readFileSync(join(kept, file), "latin1")).not.to.contain("geheim");
  });

  it("counts the owners of a layout unless they are given", async () => {
    const root = await temporaryFolder({ a: "1" });
    const plain = await (await openLayout(root)).digest();
    const given = await (await openLayout(root, { uid: 0, gid: 0 })).digest();
    const other = await (await openLayout(root, { uid: 1, gid: 0 })).digest();
    expect(new Set([plain, given, other]).size).to.equal(3);
  });

  it("stops when it is told to", async () => {
    const root = await temporaryFolder({ Dockerfile: "" });
    writeFileSync(join(root, "big"), Buffer.alloc(40_000_000));
    const stop = new AbortController();
    const context = await openContext(root, { signal: stop.signal });
    const digest = context.digest().catch((error: unknown) => error);
    stop.abort();
    expect(await digest).to.have.property("name", "AbortError");
  });

  it("sees a file that was put in the place of another", async () => {
    const root = await temporaryFolder({ Dockerfile: "", a: "1" });
    const cache = join(await temporaryFolder(), "cache.json");
    const files = { a: line(join(root, "a"), "0".repeat(64)) };
    writeFileSync(cache, JSON.stringify({ version: 1, files }));
    await writeFiles(root, { new: "1" });
    renameSync(join(root, "new"), join(root, "a"));
    expect(await digestOf(root, cache)).to.equal(await digestOf(root));
  });
});

/** A line of the cache for a file as it is now. */
function line(path: string, digest: string): unknown {
  const stat = statSync(path, { bigint: true });
  return [Number(stat.size), String(stat.mtimeNs), String(stat.ctimeNs), `${stat.dev}:${stat.ino}`, digest];
}
