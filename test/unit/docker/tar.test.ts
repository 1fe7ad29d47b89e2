import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import * as fc from "fast-check";
import { DockerError } from "../../../src/docker/errors.js";
import { nanoseconds, paxTime, readPax, writePax } from "../../../src/docker/pax.js";
import {
  rewriteTar,
  TarRewriter,
  type ArchiveEntry,
  type Rewriter,
} from "../../../src/docker/tar-rewrite.js";
import { HeaderWriter } from "../../../src/docker/tar-plain.js";
import { END_OF_ARCHIVE, headerRoom, tarHeader } from "../../../src/docker/tar-write.js";
import { paddingOf, seal, type TarEntry } from "../../../src/docker/tar-header.js";
import { byteString } from "../../../src/docker/tree.js";
import { temporaryFolder } from "../../support/tmp.js";

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

/** A name in which any byte but NUL may be, of any length. */
const name = fc
  .array(
    fc.string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 120,
    }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((pieces) => pieces.map((piece) => piece.replaceAll("/", "_").replace(/^\.+$/, "x")).join("/"));

const entry: fc.Arbitrary<TarEntry & { readonly content: Buffer }> = fc
  .record({
    name,
    type: fc.constantFrom("0", "1", "2", "3", "4", "5", "6"),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.nat(70_000), fc.constantFrom(262_144, 2_097_152, 4_000_000_000)),
    gid: fc.nat(4_000_000_000),
    mtimeNs: fc.oneof(fc.bigInt(0n, 10n ** 19n), fc.constant(5_000_000_000n)),
    link: name,
    content: bytes,
  })
  .map((one) => {
    const content = one.type === "0" ? one.content : Buffer.alloc(0);
    return { ...one, content, size: content.length, link: "12".includes(one.type) ? one.link : "" };
  });

function archive(entries: readonly (TarEntry & { readonly content: Buffer })[]): Buffer {
  const pieces = entries.flatMap((one) => {
    const full = one.type === "5" ? { ...one, name: `${one.name}/` } : one;
    return [tarHeader(full), one.content, Buffer.alloc(paddingOf(one.size))];
  });
  return Buffer.concat([...pieces, END_OF_ARCHIVE]);
}

/** The bytes in pieces of some lengths. */
function* cut(whole: Buffer, lengths: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < whole.length; turn += 1) {
    const end = at + Math.max(lengths[turn % lengths.length] ?? 512, 1);
    // A copy that is spoiled later: nothing may look at it again.
    yield Buffer.from(whole.subarray(at, end));
    at = end;
  }
}

async function rewrite(
  whole: Buffer,
  rewriter: Rewriter,
  lengths: readonly number[] = [65_536],
): Promise<Buffer> {
  return await buffer(Readable.from(rewriteTar(Readable.from(cut(whole, lengths)), rewriter)));
}

async function list(whole: Buffer): Promise<ArchiveEntry[]> {
  const found: ArchiveEntry[] = [];
  await rewrite(whole, (one) => void found.push(one));
  return found;
}

async function failure(work: Promise<unknown>): Promise<DockerError["problem"]> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error.problem;
}

/** A file of 600 bytes. */
function make(name: string): TarEntry & { readonly content: Buffer } {
  return {
    name,
    type: "0",
    mode: 0,
    uid: 0,
    gid: 0,
    size: 600,
    mtimeNs: 0n,
    content: Buffer.alloc(600, name),
  };
}

/** A file with these records before it. */
function withPax(records: string, file: TarEntry & { readonly content: Buffer }): Buffer {
  const content = Buffer.from(records);
  const both = archive([{ ...file, type: "x", size: content.length, content }, file]);
  return both.subarray(0, -END_OF_ARCHIVE.length);
}

describe("tar headers", () => {
  it("say of any entry everything that it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 4 }), async (entries) => {
        const found = await list(archive(entries));
        expect(found.map((one) => ({ ...one, mtime: 0 }))).to.deep.equal(
          entries.map(({ name, link, type, size, mode, uid, gid }) => ({
            name: type === "5" ? name.replace(/\/+$/, "") : name.replace(/(.)\/+$/, "$1"),
            link: link ?? "",
            type,
            size,
            mode,
            uid,
            gid,
            mtime: 0,
          })),
        );
        for (const [at, one] of found.entries()) {
          expect(Math.abs(one.mtime - Number(entries[at]?.mtimeNs ?? 0n) / 1e9)).to.be.below(0.00001);
        }
      }),
    );
  });

  it("are what GNU tar reads", async () => {
    const folder = await temporaryFolder();
    const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"ä".repeat(80)}`;
    const base = { type: "0", mode: 0o4755, uid: 3_000_000, gid: 70_000, content: Buffer.from("hello") };
    const one = { ...base, name: byteString(long), size: 5, mtimeNs: 2_208_988_800_123_456_789n };
    const path = join(folder, "a.tar");
    writeFileSync(path, archive([one]));
    const said = execFileSync(
      "tar",
      ["--numeric-owner", "--full-time", "--quoting-style=literal", "-tvf", path],
      {
        encoding: "utf8",
        env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" },
      },
    );
    expect(said.replace(/ +/g, " ").trim()).to.equal(
      `-rwsr-xr-x 3000000/70000 5 2040-01-01 00:00:00.123456789 ${long}`,
    );
    expect(execFileSync("tar", ["-xOf", path], { encoding: "utf8" })).to.equal("hello");
  });

  it("carry extended records of any bytes", () => {
    const record = fc.record({ key: fc.stringMatching(/^[A-Za-z.]{1,200}$/), value: bytes });
    fc.assert(
      fc.property(fc.array(record), (records) => {
        expect(readPax(writePax(records))).to.deep.equal(records);
      }),
    );
    expect(() => readPax(Buffer.from("99 a=b\n"))).to.throw("a broken extended header");
  });

  it("carry times to the nanosecond, also those before 1970", () => {
    const law = fc.property(fc.bigInt(-(10n ** 18n), 10n ** 19n), (ns) => {
      expect(nanoseconds(paxTime(ns))).to.equal(ns);
    });
    fc.assert(law);
    expect(paxTime(1_500_000_000n)).to.equal("1.5");
    expect(paxTime(-500_000_000n)).to.equal("-0.5");
  });
});

describe("HeaderWriter", () => {
  it("writes what tarHeader gives, whatever came before, into its room", () => {
    const many = fc.array(
      fc.tuple(entry, fc.constantFrom(0, 4096, 8 ** 11 - 1, 8 ** 11)).map(([one, size]) => {
        const { content: _, link, ...rest } = one;
        return { ...rest, size, ...(link === "" ? {} : { link }) };
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(many, (entries) => {
        const writer = new HeaderWriter();
        for (const one of entries) {
          const into = Buffer.alloc(headerRoom(one) + 7, 0xaa);
          const end = writer.write(into, 7, one);
          expect(into.subarray(7, end).equals(tarHeader(one))).to.equal(true);
        }
      }),
    );
  });
});

describe("rewriteTar", () => {
  it("gives the same bytes however the stream is cut, and is undone by its opposite", async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 4 }), lengths, async (entries, pieces) => {
        const whole = archive(entries);
        const prefix = "p".repeat(60);
        const there: Rewriter = ({ name, link, type }) => ({
          name: `${prefix}/${name}`,
          ...(type === "1" ? { link: `${prefix}/${link}` } : {}),
        });
        const back: Rewriter = ({ name, link, type }) => ({
          name: name.slice(prefix.length + 1),
          ...(type === "1" ? { link: link.slice(prefix.length + 1) } : {}),
        });
        const moved = await rewrite(whole, there);
        expect((await rewrite(whole, there, pieces)).equals(moved)).to.equal(true);
        const again = await rewrite(moved, back);
        expect(await list(again)).to.deep.equal(await list(whole));
      }),
      { numRuns: 50 },
    );
  });

  for (const format of ["v7", "oldgnu", "gnu", "ustar", "pax"]) {
    it(`moves what GNU tar wrote as ${format}, and GNU tar finds it there`, async () => {
      const folder = await temporaryFolder();
      const source = join(folder, "source");
      const long = format === "v7" ? "short" : format === "ustar" ? "u".repeat(90) : "l".repeat(150);
      mkdirSync(join(source, "d", long), { recursive: true });
      writeFileSync(join(source, "d", "f"), randomBytes(70_000));
      const shell = (script: string): string =>
        execFileSync("sh", ["-ec", script], { cwd: source, encoding: "utf8" });
      shell(
        `ln d/f d/g; ln -s d/nowhere l; echo x >"d/${long}/x"; chmod 4711 d/f; touch -d @1600000000.123456789 d/f`,
      );
      if (format !== "v7") shell("mkfifo p");
      shell(
        "truncate -s 9M d/sparse; for i in 1 2 3 4 5 6 7 8; do echo $i | dd of=d/sparse bs=1 seek=${i}000000 conv=notrunc status=none; done",
      );
      if (process.getuid?.() === 0 && format === "pax")
        shell("cp /bin/true d/cap; setcap cap_net_raw+ep d/cap");
      const attributes = format === "pax" ? "--xattrs --xattrs-include='*'" : "";
      shell(
        `tar ${attributes} --format=${format} ${/gnu|pax/.test(format) ? "-S" : ""} --sort=name -cf ../a.tar d l $(ls -d p 2>/dev/null || true)`,
      );
      const moved = await rewrite(readFileSync(join(folder, "a.tar")), ({ name, link, type }) => ({
        name: `here/${name}`,
        ...(type === "1" ? { link: `here/${link}` } : {}),
      }));
      writeFileSync(join(folder, "b.tar"), Buffer.concat([moved, END_OF_ARCHIVE]));
      mkdirSync(join(folder, "out"));
      shell(`tar ${attributes} -C ../out -xpf ../b.tar`);
      const listing =
        "find . -printf '%P %y %m %U %G %T@ %n %l\\n' | sed 's/ d \\(.*\\) [0-9.]* \\([0-9]*\\) $/ d \\1 \\2/' | sort; find . -type f | sort | xargs sha256sum; getcap -r . 2>/dev/null || true";
      const theirs = execFileSync("sh", ["-ec", listing], { cwd: source, encoding: "utf8" });
      const ours = execFileSync("sh", ["-ec", listing], { cwd: join(folder, "out/here"), encoding: "utf8" });
      // Only pax has fractions of seconds.
      const plain = (text: string): string =>
        format === "pax" ? text : text.replace(/(\d{10})\.\d+/g, "$1");
      expect(plain(ours)).to.equal(plain(theirs));
      if (theirs.includes("cap_net_raw")) expect(ours).to.contain("cap_net_raw");
    });
  }

  it("sets owners and times, whatever records said before", async () => {
    const folder = await temporaryFolder({ f: "x" });
    execFileSync("tar", [
      "-C",
      folder,
      "--format=pax",
      "--owner=joe:3000000",
      "--group=joe:3000000",
      "-cf",
      join(folder, "a.tar"),
      "f",
    ]);
    for (const [uid, gid] of [
      [0, 7],
      [70_000, 4_000_000_000],
    ] as const) {
      const moved = await rewrite(readFileSync(join(folder, "a.tar")), () => ({
        uid,
        gid,
        mtime: "5.000000001",
      }));
      const [found] = await list(moved);
      expect([found?.uid, found?.gid, found?.mtime]).to.deep.equal([uid, gid, 5.000000001]);
      expect(moved.includes("joe")).to.equal(false);
    }
  });

  it("drops an entry with its content", async () => {
    const left = await rewrite(archive([make("a"), make("b"), make("c")]), ({ name }) =>
      name === "b" ? undefined : {},
    );
    expect(Buffer.concat([left, END_OF_ARCHIVE]).equals(archive([make("a"), make("c")]))).to.equal(true);
  });

  it("refuses an entry whose size is none, which it would look for the next one without an end by", async () => {
    const below = Buffer.from(tarHeader(make("a")));
    below.fill(0xff, 124, 136);
    below.writeInt32BE(-512, 132);
    const extended = Buffer.from(below);
    extended.write("x", 156);
    for (const header of [below, extended]) seal(header);
    const broken = [
      below,
      extended,
      ...["12 size=-99\n", "12 size=abc\n"].map((record) => withPax(record, make("a"))),
    ];
    for (const one of broken)
      expect(await failure(rewrite(Buffer.concat([one, END_OF_ARCHIVE]), () => ({})))).to.deep.equal({
        code: "archive/broken",
        message: "the tar archive cannot be read",
        notes: ["an entry says no size"],
      });
  });

  it("takes the last of several records with one name, as tar does", async () => {
    const whole = Buffer.concat([withPax("10 path=b\n10 path=c\n", make("a")), END_OF_ARCHIVE]);
    expect((await list(whole)).map(({ name }) => name)).to.deep.equal(["c"]);
    expect((await list(await rewrite(whole, () => ({})))).map(({ name }) => name)).to.deep.equal(["c"]);
  });

  it("says where an archive is cut off or is none", async () => {
    const whole = archive([
      { name: "a", type: "0", mode: 0, uid: 0, gid: 0, size: 600, mtimeNs: 0n, content: Buffer.alloc(600) },
    ]);
    expect(await failure(rewrite(whole.subarray(0, 700), () => ({})))).to.deep.equal({
      code: "archive/cut-off",
      message: "the tar archive cannot be read",
      notes: ["the archive ends within an entry"],
    });
    expect(await failure(rewrite(Buffer.alloc(2000, "x"), () => ({})))).to.deep.equal({
      code: "archive/broken",
      message: "the tar archive cannot be read",
      notes: ["a block that should be a header is none"],
    });
    // Without the zero blocks at its end it is whole all the same, as GNU tar has it.
    expect((await rewrite(whole.subarray(0, 1536), () => ({}))).length).to.equal(1536);
    const strict = new TarRewriter(() => ({}));
    strict.push(whole.subarray(0, 1536));
    expect(() => strict.finish())
      .to.throw(DockerError)
      .with.nested.property("problem.notes[0]", "the archive has no end");
    strict.push(END_OF_ARCHIVE);
    expect(() => strict.finish()).not.to.throw();
  });
});
