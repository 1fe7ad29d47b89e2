import { expect } from "chai";
import * as fc from "fast-check";
import { createHash } from "node:crypto";
import { link, mkdir, rm, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { openContext } from "../../../src/docker/context.js";
import { sendFolder, shareContext, type SharedFolder } from "../../../src/docker/filesync.js";
import { goMode, PacketWriter } from "../../../src/docker/filesync-packet.js";
import { frame, grpcMessages } from "../../../src/docker/grpc.js";
import { bytesOf, encodeField, fieldsOf, numberOf, textField } from "../../../src/docker/protobuf.js";
import { temporaryFolder } from "../../support/tmp.js";

interface Received {
  /** Path -> the link's target, or the file's content where it was asked for. */
  readonly files: Readonly<Record<string, string>>;
  readonly failure: string;
}

/** A builder that asks for every file that has content, as BuildKit does of a folder that it does not know. */
async function receive(folder: SharedFolder, name: string, ...paths: string[]): Promise<Received> {
  const say = (...fields: Uint8Array[]): void => void far.push(frame(Buffer.concat(fields)));
  const listed: { path: string; link: string; mode: number }[] = [];
  const files: Record<string, string> = {};
  let failure = "";
  let open = 0;
  const handle = (message: Uint8Array): void => {
    const field = (number: number) => [...fieldsOf(message)].find((one) => one.number === number);
    const type = numberOf(field(1) ?? { number: 1, value: 0 });
    const stat = field(2);
    if (type === 0 && stat) {
      const bytes = bytesOf(stat);
      const mode = numberOf(
        [...fieldsOf(bytes)].find(({ number }) => number === 2) ?? { number: 2, value: 0 },
      );
      const one = { path: textField(bytes, 1), link: textField(bytes, 7), mode };
      files[one.path] = one.link && `-> ${one.link}`;
      if (mode < 2 ** 20 && !one.link) {
        open += 1;
        say(encodeField(1, 1), encodeField(3, listed.length));
      }
      listed.push(one);
    } else if (type === 0 && open === 0) say(encodeField(1, 3));
    else if (type === 2) {
      const { path } = listed[numberOf(field(3) ?? { number: 3, value: 0 })]!;
      const data = bytesOf(field(4) ?? { number: 4, value: new Uint8Array() });
      files[path] += Buffer.from(data).toString("latin1");
      if (data.length === 0 && (open -= 1) === 0) say(encodeField(1, 3));
    } else if (type === 4) failure = textField(message, 4);
  };
  const take = async (chunk: Buffer): Promise<void> => {
    for await (const message of grpcMessages(Duplex.from([chunk]))) handle(message);
  };
  const far: Duplex = new Duplex({
    write: (chunk: Buffer, _encoding, done) => void take(chunk).then(() => done(), done),
    read: () => undefined,
  });
  await sendFolder(far, { name, paths }, folder).catch((error: Error) => (failure ||= error.message));
  far.push(null);
  return { files, failure };
}

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
const share = async (folder: string): Promise<SharedFolder> =>
  (await shareContext(await openContext(folder)))!;

describe("a folder that is shared with a builder", () => {
  it("is sent whole, with links as links and files in any number of pieces", async () => {
    const large = "large".repeat(600_000);
    const folder = await temporaryFolder({ Dockerfile: "FROM x\n", empty: "", "a/b": "b", large });
    await symlink("a/b", join(folder, "z"));
    await link(join(folder, "a/b"), join(folder, "a/c"));
    const shared = await share(folder);
    const { files, failure } = await receive(shared, "context");
    expect(failure).to.equal("");
    expect(files).to.deep.equal({
      Dockerfile: "FROM x\n",
      a: "",
      "a/b": "b",
      "a/c": "-> a/b",
      empty: "",
      large,
      z: "-> a/b",
    });
    expect(shared.digests.get("large")).to.equal(sha(large));
    expect([...shared.digests.keys()].sort()).to.deep.equal(["Dockerfile", "a/b", "empty", "large"]);
  });

  it("has the Dockerfile by itself, wherever that comes from", async () => {
    const folder = await temporaryFolder({ "a/f": "", z: "" });
    const extra = [{ name: "m", content: Buffer.from("FROM x\n") }];
    const shared = (await shareContext(await openContext(folder, { dockerfile: "m", extra })))!;
    expect((await receive(shared, "dockerfile")).files).to.deep.equal({ m: "FROM x\n" });
    expect(Object.keys((await receive(shared, "context")).files)).to.deep.equal(["a", "a/f", "z"]);
  });

  it("has no more than the patterns let through, and the Dockerfile even so", async () => {
    const folder = await temporaryFolder({
      ".dockerignore": "docker\n.dockerignore\nb\n!b/kept\n",
      "docker/Dockerfile": "FROM x\n",
      "docker/other": "",
      "b/kept": "",
      "b/left": "",
      c: "",
    });
    const shared = (await shareContext(await openContext(folder, { dockerfile: "docker/Dockerfile" })))!;
    expect(Object.keys((await receive(shared, "context")).files)).to.deep.equal(["b", "b/kept", "c"]);
    expect((await receive(shared, "dockerfile")).files).to.deep.equal({ Dockerfile: "FROM x\n" });
    expect((await receive(shared, "context", ".dockerignore")).files).to.deep.equal({});
  });

  it("gives only what is asked for, and everything where a link may lead elsewhere", async () => {
    const folder = await temporaryFolder({ Dockerfile: "", "a/b/f": "", "a/bc": "", "a,b": "", c: "" });
    const shared = await share(folder);
    const asked = async (...paths: string[]): Promise<string> =>
      Object.keys((await receive(shared, "context", ...paths)).files).join(" ");
    expect(await asked("a/b")).to.equal("a a/b a/b/f");
    expect(await asked("./a,b", "/c/")).to.equal("a,b c");
    const all = "Dockerfile a a,b a/b a/b/f a/bc c".split(" ");
    for (const path of ["/", ".", "a/*", "[c]"])
      expect((await asked(path)).split(" ").sort()).to.deep.equal(all);
    expect(Object.keys((await receive(shared, "dockerfile")).files)).to.deep.equal(["Dockerfile"]);
    await rm(join(folder, "c"));
    await symlink("a", join(folder, "c"));
    const linked = await share(folder);
    expect(Object.keys((await receive(linked, "context", "c/b")).files).sort()).to.deep.equal(all);
  });

  it("says which file changed or vanished, and keeps that as the reason", async () => {
    const folder = await temporaryFolder({ Dockerfile: "", "a/f": "long", g: "x".repeat(2 ** 20) });
    const shared = await share(folder);
    await truncate(join(folder, "g"), 5);
    expect((await receive(shared, "context", "g")).failure).to.equal(`${folder}/g changed while it was read`);
    expect(shared.broken).to.have.nested.property("problem.code", "folder/changed");
    await rm(join(folder, "a"), { recursive: true });
    await mkdir(join(folder, "a"));
    const { failure } = await receive(await share(folder), "context");
    expect(failure).to.equal("");
    expect((await receive(shared, "context", "a/f")).failure).to.equal(
      `cannot read ${folder}/a/f: it does not exist`,
    );
  });

  it("has Go's modes", () => {
    expect(goMode({ type: "directory", mode: 0o1777 })).to.equal(2 ** 31 + 2 ** 20 + 0o777);
    expect(goMode({ type: "file", mode: 0o6755 })).to.equal(2 ** 23 + 2 ** 22 + 0o755);
    expect(goMode({ type: "symlink", mode: 0o777 })).to.equal(2 ** 27 + 0o777);
    expect(goMode({ type: "character", mode: 0o600 })).to.equal(2 ** 26 + 2 ** 21 + 0o600);
  });
});

describe("a file's line in the list", () => {
  it("is protobuf, whatever its size, time and name", async () => {
    const name = fc.string({ minLength: 1, maxLength: 400, unit: "grapheme" });
    const size = fc.integer({ min: 0, max: 2 ** 45 });
    const time = fc.integer({ min: -(2 ** 48), max: 2 ** 48 });
    await fc.assert(
      fc.asyncProperty(name, size, time, async (path, size, mtime) => {
        const writer = new PacketWriter(4096);
        const bytes = Buffer.from(path).toString("latin1");
        const base = { type: "file", mode: 0o644, uid: 5, gid: 6, inode: "1", links: 1, device: 0 } as const;
        writer.stat({ ...base, path: bytes, size, mtimeNs: BigInt(mtime), ctimeNs: 0n }, undefined);
        const messages = [];
        for await (const one of grpcMessages(Duplex.from([writer.take()]))) messages.push(one);
        expect(messages).to.have.length(1);
        const [field] = [...fieldsOf(messages[0]!)];
        const stat = bytesOf(field!);
        expect(textField(stat, 1)).to.equal(path);
        const numbers = new Map([...fieldsOf(stat)].map((one) => [one.number, numberOf(one)]));
        expect(numbers.get(5) ?? 0).to.equal(size);
        expect(numbers.get(2)).to.equal(0o644);
        if (mtime >= 0) expect(numbers.get(6)).to.equal(mtime);
        else expect(numbers.get(6)).to.be.greaterThan(2 ** 63);
      }),
    );
  });
});
