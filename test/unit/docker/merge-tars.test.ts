import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { expect } from "chai";
import { compress, compressionOf, decompress } from "../../../src/docker/compression.js";
import { DockerError, type Problem } from "../../../src/docker/errors.js";
import { mergeTars, type ArchivePart } from "../../../src/docker/merge-tars.js";
import { temporaryFolder } from "../../support/tmp.js";

const env = { PATH: process.env["PATH"] };

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error.problem;
}

/** What GNU tar finds in the whole: kinds, names and links. */
async function list(parts: readonly ArchivePart[]): Promise<string[]> {
  const input = await buffer(mergeTars(parts, { env }));
  const said = execFileSync("tar", ["-tvf", "-"], { input, encoding: "utf8" });
  return said
    .trim()
    .split("\n")
    .map((line) => line.replace(/^(.)\S* +\S+ +\d+ \S+ \S+ /, "$1 "));
}

async function* broken(): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from("\x1f\x8b\x08 and so on", "latin1"));
  throw new RangeError("the download stopped");
}

describe("compression", () => {
  for (const kind of ["gzip", "bzip2", "xz", "zstd"] as const) {
    it(`is undone for ${kind}, which is told by its first bytes`, async () => {
      const plain = Buffer.alloc(300_000, "some text, again and again; ");
      const packed = await buffer(Readable.from(compress(Readable.from([plain]), kind, { env })));
      expect(compressionOf(packed)).to.equal(kind);
      expect(packed.length).to.be.below(plain.length / 10);
      const bytes = Array.from({ length: 20 }, (_, at) => packed.subarray(at, at + 1));
      const source = Readable.from([...bytes, packed.subarray(20)]);
      expect((await buffer(Readable.from(decompress(source, { env })))).equals(plain)).to.equal(true);
    });
  }

  it("may be none, also of next to nothing", async () => {
    for (const plain of ["", "x", "plain text that is long enough"]) {
      const source = Readable.from(plain === "" ? [] : [Buffer.from(plain)]);
      expect((await buffer(Readable.from(decompress(source, { env })))).toString()).to.equal(plain);
    }
  });

  it("needs the system's programs, and names the one that is missing", async () => {
    const source = Readable.from([Buffer.from("\xfd7zXZ\0 and so on", "latin1")]);
    const nothing = { env: { PATH: "/nonexistent" } };
    expect(await refusal(buffer(Readable.from(decompress(source, nothing))))).to.deep.equal({
      code: "archive/no-program",
      message: "the program xz is needed to read the archive, and is not installed",
      help: ["install xz"],
    });
    const packed = compress(Readable.from([Buffer.from("text")]), "zstd", nothing);
    expect((await refusal(buffer(Readable.from(packed)))).message).to.equal(
      "the program zstd is needed to compress, and is not installed",
    );
  });

  it("ends with what is wrong with its source", async () => {
    const error: unknown = await buffer(Readable.from(decompress(broken(), { env }))).catch(
      (thrown: unknown) => thrown,
    );
    expect(String(error)).to.contain("the download stopped");
  });

  it("lets go of what nobody reads to its end", async () => {
    for (const [start, PATH] of [
      ["plain text", env.PATH],
      ["\xfd7zXZ\0 and so on", "/nonexistent"],
    ] as const) {
      const source = Readable.from([Buffer.from(start, "latin1"), Buffer.alloc(9)]);
      const closed = finished(source).catch(() => undefined);
      const bytes = decompress(source, { env: { PATH } });
      await bytes.next().catch(() => undefined);
      await bytes.return();
      await closed;
    }
  });

  it("ends when it is told to", async () => {
    const stop = new AbortController();
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536));
      },
    });
    const work = buffer(Readable.from(compress(endless, "gzip", { env, signal: stop.signal }))).catch(
      (e: unknown) => e,
    );
    setImmediate(() => stop.abort());
    expect(await work).to.have.property("name", "AbortError");
    endless.destroy();
  });
});

describe("mergeTars", () => {
  it("puts archives one after the other, below their prefixes", async () => {
    const folder = await temporaryFolder({ "s/a": "1", "s/d/b": "2" });
    const sh = (script: string): Buffer => execFileSync("sh", ["-ec", script], { cwd: folder });
    sh(
      "ln s/a s/hard; ln -s /d s/link; tar -C s --sort=name -cJf one.tar.xz .; tar -C s --sort=name -cf two.tar a d; tar -C s -czf - a >three",
    );
    const at = (name: string): string => join(folder, name);
    const parts = [
      { source: at("one.tar.xz") },
      { source: at("two.tar"), prefix: "/d/deeper/" },
      { source: Readable.from([readFileSync(at("three"))]), prefix: "new" },
    ];
    expect(await list(parts)).to.deep.equal([
      "- a",
      "d d/",
      "- d/b",
      "h hard link to a",
      "l link -> /d",
      "d d/deeper/",
      "- d/deeper/a",
      "d d/deeper/d/",
      "- d/deeper/d/b",
      "d new/",
      "- new/a",
    ]);
  });

  it("says what is wrong with an archive", async () => {
    const folder = await temporaryFolder({ text: "not an archive\n".repeat(100) });
    const problem = async (name: string): Promise<Problem> => {
      return await refusal(buffer(mergeTars([{ source: join(folder, name) }], { env })));
    };
    expect(await problem("none")).to.deep.equal({
      code: "folder/unreadable",
      message: `cannot read ${join(folder, "none")}: it does not exist`,
    });
    expect((await problem("text")).code).to.equal("archive/broken");
    execFileSync(
      "sh",
      ["-ec", "tar -cf whole text; head -c 1000 whole >cut; xz -c whole | head -c 60 >cut.xz"],
      { cwd: folder },
    );
    expect((await problem("cut")).code).to.equal("archive/cut-off");
    expect((await problem("cut.xz")).message).to.equal("xz cannot read the archive");
    writeFileSync(join(folder, "empty"), "");
    expect((await buffer(mergeTars([{ source: join(folder, "empty") }], { env }))).length).to.equal(1024);
  });
});
