import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { connect } from "../../../src/docker/connect.js";
import { copyPath, digestPath, type CopyRequest } from "../../../src/docker/copy.js";
import type { ContainerPlace } from "../../../src/docker/copy-place.js";
import type { Engine } from "../../../src/docker/engine.js";
import { DockerError, type Problem } from "../../../src/docker/errors.js";
import { execInContainer } from "../../../src/docker/exec.js";
import { END_OF_ARCHIVE, extendedHeader, tarHeader } from "../../../src/docker/tar-write.js";
import {
  engineHost,
  engineHas,
  engineObjects,
  engineRemove,
  engineRequest,
  uniqueName,
  engineKill,
} from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { listContainer } from "../../support/listing.js";
import { temporaryFolder } from "../../support/tmp.js";

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error.problem;
}

/** cap_net_raw+ep as the kernel keeps it (linux/capability.h, vfs_cap_data revision 2). */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** One of everything that a file system can hold. */
const MAKE = `set -e; mkdir -p /t/d/e; cd /t
echo hi >f; ln f g; ln f d/h; chmod 4711 f; chown 70000:300000 f
ln -s /nonexistent/absolute l; ln -s ../.. up; ln -s f to-f
mkfifo p; mknod c c 1 3; mknod b b 7 200
dd if=/dev/zero of=sparse bs=1 count=1 seek=9000000 2>/dev/null
long=$(printf 'x%.0s' $(seq 200)); echo long >d/e/$long; ln d/e/$long d/e/linked-$long
touch "sp ace" 'qu"ote' -- -dash; printf x >"$(printf 'bytes\\377\\376')"
mkdir sticky; chmod 1777 sticky; chown 65534:65534 sticky
touch -d '2040-02-03 04:05:06' late; touch -d @0 epoch`;

describe("copying on a real engine", () => {
  let engine: Engine;
  const names: string[] = [];
  const source = uniqueName("copy-from");
  const place = (container: string): ContainerPlace => ({ kind: "container", engine, container });
  const run = async (container: string, script: string): Promise<void> => {
    let said = "";
    const onOutput = ({ data }: { data: Buffer }): void => void (said += data.toString());
    const code = await execInContainer(engine, container, { cmd: ["sh", "-c", script], user: "0", onOutput });
    if (code !== 0) throw new Error(`the script ended with ${code}: ${said}`);
  };
  const start = async (name: string): Promise<string> => {
    names.push(name);
    const json = {
      Image: await ensureBaseImage(),
      Cmd: ["sleep", "100000"],
      // Podman's containers make no devices without it.
      HostConfig: { CapAdd: ["MKNOD"] },
    };
    await engine.request({ method: "POST", path: "/containers/create", query: { name }, json });
    await engine.request({ method: "POST", path: `/containers/${name}/start` });
    return name;
  };
  /** A new container, after a script of preparations, with something copied into it. */
  const copied = async (
    request: Partial<CopyRequest> & { path: string },
    before = "true",
  ): Promise<string> => {
    const target = await start(uniqueName("copy-to"));
    await run(target, before);
    await copyPath({ from: place(source), to: place(target), ...request });
    return target;
  };
  const list = async (container: string, path: string): Promise<string[]> =>
    await listContainer(engine, container, path);
  const archiveOf = async (container: string, path: string): Promise<Buffer> => {
    return await buffer(await engine.stream({ path: `/containers/${container}/archive`, query: { path } }));
  };

  before(async () => {
    engine = await connect({ url: engineHost() }, { env: {}, home: "/nonexistent" });
    await start(source);
    await run(source, MAKE);
    const content = Buffer.alloc(512, "c");
    const file = {
      name: "t/capable",
      type: "0",
      mode: 0o755,
      uid: 0,
      gid: 0,
      size: 512,
      mtimeNs: 1_500_000_000_123_456_789n,
    };
    const body = Buffer.concat([
      extendedHeader([
        { key: "SCHILY.xattr.security.capability", value: CAPABILITY },
        { key: "mtime", value: Buffer.from("1500000000.123456789") },
      ]),
      tarHeader({ ...file, mtimeNs: 1_500_000_000_000_000_000n }),
      content,
      END_OF_ARCHIVE,
    ]);
    await engine.request({
      method: "PUT",
      path: `/containers/${source}/archive`,
      query: { path: "/" },
      body,
    });
  });
  after(async () => {
    await engine.close();
    for (const name of names) await engineRemove("containers", name);
  });

  it("brings everything over as it is", async () => {
    const target = await copied({ path: "/t/" });
    expect(await list(target, "/t")).to.deep.equal(await list(source, "/t"));
    const [theirs, ours] = [await archiveOf(source, "/t"), await archiveOf(target, "/t")];
    expect(theirs.includes(CAPABILITY), "the source has the capability").to.equal(true);
    expect(ours.equals(theirs), "the engine gives the same archive of both").to.equal(true);
    await copyPath({ from: place(source), to: place(target), path: "/t" });
    expect(await list(target, "/t")).to.deep.equal(await list(source, "/t"));
  });

  it("works from and to containers that do not run", async () => {
    const from = await copied({ path: "/t/" });
    const to = await start(uniqueName("copy-to"));
    for (const name of [from, to]) await engineKill(name);
    await copyPath({ from: place(from), to: place(to), path: "/t/", target: "/deep/down/t" });
    await engine.request({ method: "POST", path: `/containers/${to}/start` });
    expect(await list(to, "/deep/down/t")).to.deep.equal(await list(source, "/t"));
  });

  it("makes the folders above the target readable, and leaves those that are there as they are", async () => {
    const target = await copied(
      { path: "/t/f", target: "/mine/new/er/f" },
      "mkdir /mine; chmod 700 /mine; chown 5:6 /mine",
    );
    const modes = (await list(target, "/mine")).filter((line) => line.startsWith("directory"));
    expect(modes.map((line) => line.split("|").slice(1, 3).join(" "))).to.deep.equal(["755 0:0", "755 0:0"]);
    expect((await list(target, "/")).find((line) => line.endsWith("|./mine"))).to.match(
      /^directory\|700\|5:6\|/,
    );
  });

  it("never replaces a symlink by a folder", async () => {
    const before =
      "rm -rf /usr; mkdir -p /usr/lib /usr/local; ln -s usr/lib /lib; ln -s /usr/lib /lib64; ln -s nowhere/yet /dangling";
    await run(
      source,
      "mkdir -p /s/lib/sub /s/lib64 /s/dangling/x; touch /s/lib/a /s/lib/sub/b /s/lib64/c /s/dangling/x/d; ln /s/lib/a /s/lib64/hard",
    );
    const target = await copied({ path: "/s/", target: "/" }, before);
    const links = (await list(target, "/")).filter((line) => line.startsWith("symbolic"));
    for (const name of ["dangling", "lib", "lib64"]) {
      expect(
        links.some((line) => new RegExp(`\\./${name}'? -> `).test(line)),
        name,
      ).to.equal(true);
    }
    const names = (await list(target, "/usr/lib"))
      .filter((line) => line.includes("|"))
      .map((line) => line.split("|").at(-1));
    expect(names).to.deep.equal(["./a", "./c", "./hard", "./sub", "./sub/b"]);
    expect((await list(target, "/nowhere/yet")).filter((line) => line.includes("|")).length).to.equal(2);
  });

  it("refuses to put a folder in the place of a file, and a file in the place of a folder", async () => {
    const target = await start(uniqueName("copy-to"));
    await run(target, "touch /d; mkdir /f");
    const from = place(source);
    expect(
      (await refusal(copyPath({ from, to: place(target), path: "/t/d", target: "/d" }))).message,
    ).to.match(/\bd\b/);
    expect(
      (await refusal(copyPath({ from, to: place(target), path: "/t/f", target: "/f" }))).message,
    ).to.match(/\bf\b/);
    expect(
      (await refusal(copyPath({ from, to: place(target), path: "/t/f", target: "/d/f" }))).message,
    ).to.equal(`/d in container ${target} is not a folder`);
  });

  it("puts things where a slash says", async () => {
    const target = await copied({ path: "/t/f", target: "/into/" });
    const from = place(source);
    const to = place(target);
    await copyPath({ from, to, path: "/t/f", target: "/exactly" });
    await copyPath({ from, to, path: "/t/d", target: "/into/" });
    await copyPath({ from, to, path: "/t/d/", target: "/into/" });
    await copyPath({ from, to, path: "/t/to-f", target: "/the-link" });
    await run(source, "ln -sfn /t/d /link-to-d");
    await copyPath({ from, to, path: "/link-to-d/", target: "/followed" });
    await copyPath({ from, to, path: "/link-to-d" });
    const names = (await list(target, "/")).map((line) => line.split("|").at(-1) ?? "");
    for (const name of ["into/f", "exactly", "into/d/e", "into/d/h", "into/e", "into/h", "followed/h"]) {
      expect(names, name).to.include(`./${name}`);
    }
    expect(
      names.some((name) => /\.\/the-link'? -> /.test(name)),
      "the-link",
    ).to.equal(true);
    expect(
      names.some((name) => /\.\/link-to-d'? -> /.test(name)),
      "link-to-d",
    ).to.equal(true);
  });

  it("gives everything to one owner", async () => {
    const target = await copied({ path: "/t/", uid: 3_000_000, gid: 12 });
    const owners = new Set(
      (await list(target, "/t")).filter((line) => line.includes("|")).map((line) => line.split("|")[2]),
    );
    expect([...owners]).to.deep.equal(["3000000:12"]);
  });

  it("leaves out what is excluded, and still brings the other links of an excluded file", async () => {
    const target = await copied({
      path: "/t/",
      exclude: ["d/h", "f", "s*", "d/e/*", "!d/e/linked-*", "c", "b", "p"],
    });
    const listed = await list(target, "/t");
    const names = listed.filter((line) => line.includes("|")).map((line) => line.split("|").at(-1) ?? "");
    expect(names).to.include("./g").and.not.include("./f").and.not.include("./d/h").and.not.include("./c");
    expect(names.filter((name) => name.startsWith("./d/e/")).length).to.equal(1);
    const g = listed.find((line) => line.endsWith("|./g"))?.split("|");
    const original = (await list(source, "/t")).find((line) => line.endsWith("|./g"))?.split("|");
    expect(g?.slice(0, 4)).to.deep.equal(original?.slice(0, 4));
    expect(g?.[6], "time").to.equal(original?.[6]);
  });

  it("reads an image, and leaves nothing behind", async () => {
    const image = await ensureBaseImage();
    const label = uniqueName("label");
    const seen: string[] = [];
    const from = {
      kind: "image",
      engine,
      image,
      labels: { [label]: "1" },
      onContainer: async (name: string, what: string) => {
        seen.push(`${what}: ${(await engineHas(`/containers/${name}/json`)) ? "there" : "not there"}`);
      },
    } as const;
    const target = await copied({ from, path: "/etc/", target: "/image/etc" });
    expect((await list(target, "/image/etc")).filter((line) => line.includes("|")).length).to.be.above(1);
    expect(seen.splice(0)).to.deep.equal(["created: not there", "removed: not there"]);
    const problem = await refusal(copyPath({ from, to: place(target), path: "/none" }));
    expect(problem.message).to.equal(`there is no /none in image ${image}`);
    expect(seen.splice(0)).to.have.length(2);
    await refusal(copyPath({ from: { ...from, image: label }, to: place(target), path: "/etc" }));
    expect(seen).to.deep.equal(["created: not there", "removed: not there"]);
    expect(await engineObjects(label)).to.deep.equal([]);
  });

  it("takes a folder of the host", async () => {
    const root = await temporaryFolder({ "etc/app/conf": "x=1", "etc/app/more/y": "" });
    symlinkSync("app", join(root, "etc/link"));
    const target = await copied({
      from: { kind: "folder", path: root },
      path: "/etc/",
      target: "/etc",
      uid: 0,
      gid: 0,
    });
    const names = (await list(target, "/etc")).map((line) => line.split("|").at(-1) ?? "");
    expect(names).to.include("./app/conf").and.include("./passwd");
    await copyPath({
      from: { kind: "folder", path: root },
      to: place(target),
      path: "/etc/link/",
      target: "/x",
    });
    expect((await list(target, "/x")).length).to.be.above(2);
  });

  it("brings things to a folder of the host, and nothing out of it", async () => {
    const folder = await temporaryFolder();
    const outside = await temporaryFolder({ keep: "safe" });
    const to = { kind: "folder", path: folder } as const;
    await copyPath({ from: place(source), to, path: "/t/", exclude: ["c", "b", "p", "up", "l", "bytes*"] });
    expect(readFileSync(join(folder, "t/g"), "utf8")).to.equal("hi\n");
    expect(statSync(join(folder, "t/g")).ino).to.equal(statSync(join(folder, "t/f")).ino);
    expect(statSync(join(folder, "t/f")).uid).to.equal(process.getuid?.());
    expect(statSync(join(folder, "t/late")).mtimeMs).to.equal(Date.parse("2040-02-03T04:05:06Z"));
    expect(readlinkSync(join(folder, "t/to-f"))).to.equal("f");
    expect(statSync(join(folder, "t/sparse")).size).to.equal(9_000_001);
    const device = await refusal(copyPath({ from: place(source), to, path: "/t/c" }));
    expect(device.message).to.equal(`/t/c is a device, which is not made in ${folder}`);
    // A link that leads out of the folder is neither made nor followed.
    const out = await refusal(copyPath({ from: place(source), to, path: "/t/up" }));
    expect(out.message).to.equal(`/t/up is a symlink to ../.., which is not made in ${folder}`);
    mkdirSync(join(folder, "u"));
    symlinkSync(outside, join(folder, "u/d"));
    await run(source, "mkdir -p /u/d; echo bad > /u/d/keep");
    expect((await refusal(copyPath({ from: place(source), to, path: "/u/" }))).code).to.equal("copy/host");
    expect(readFileSync(join(outside, "keep"), "utf8")).to.equal("safe");
  });

  it("says what is not there, and that a container cannot be copied into itself", async () => {
    const from = place(source);
    const to = place(await start(uniqueName("copy-to")));
    expect(await refusal(copyPath({ from, to, path: "/none" }))).to.deep.equal({
      code: "copy/no-such-path",
      message: `there is no /none in container ${source}`,
      option: "paths",
    });
    expect((await refusal(copyPath({ from, to, path: "/t/f/" }))).message).to.equal(
      `/t/f in container ${source} is not a folder`,
    );
    expect((await refusal(copyPath({ from: place("nonexistent"), to, path: "/t" }))).code).to.equal(
      "engine/not-found",
    );
    expect((await refusal(copyPath({ from, to: place("nonexistent"), path: "/t" }))).code).to.equal(
      "engine/not-found",
    );
    expect((await refusal(copyPath({ from, to: from, path: "/t" }))).code).to.equal("copy/same-container");
    const folder = await temporaryFolder();
    symlinkSync(engineHost().replace(/^unix:\/\//, ""), join(folder, "socket"));
    const same = await connect({ url: `unix://${folder}/socket` }, { env: {}, home: "/nonexistent" });
    const again = { ...from, engine: same };
    const twice = await refusal(copyPath({ from, to: again, path: "/t" }));
    await same.close();
    expect(twice.code, "by another address").to.equal("copy/same-container");
    expect(
      (await refusal(copyPath({ from: { kind: "folder", path: folder }, to, path: "/x" }))).message,
    ).to.equal(`there is no /x in ${folder}`);
  });

  it("has a digest that changes with the content", async () => {
    const from = place(source);
    const before = await digestPath(from, "/t/");
    expect(await digestPath(from, "/t/")).to.equal(before);
    await run(source, "echo more >>/t/epoch; touch -d @0 /t/epoch");
    expect(await digestPath(from, "/t/")).not.to.equal(before);
  });

  it("ends when it is told to, and the engine takes other requests for both containers", async () => {
    const big = await temporaryFolder();
    writeFileSync(join(big, "big"), Buffer.alloc(200_000_000));
    const target = await start(uniqueName("copy-to"));
    const stop = new AbortController();
    const from = { kind: "folder", path: big } as const;
    const copying = copyPath({ from, to: place(target), path: "/big", signal: stop.signal }).catch(
      (error: unknown) => error,
    );
    setImmediate(() => stop.abort());
    expect(await copying).to.have.property("name", "AbortError");
    expect(
      (await engineRequest({ method: "HEAD", path: `/containers/${target}/archive?path=/etc` })).status,
    ).to.equal(200);
  });
});
