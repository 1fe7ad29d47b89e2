import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { extract } from "tar-stream";
import { connect } from "../../../src/docker/connect.js";
import type { Engine } from "../../../src/docker/engine.js";
import { execInContainer } from "../../../src/docker/exec.js";
import copy from "../../../src/recipes/docker.copy.js";
import { engineHost, uniqueName } from "../../support/engine.js";
import { baseImage, imageArchive } from "../../support/images.js";
import { listContainer } from "../../support/listing.js";
import { RunRig, type PartRig } from "../../support/recipe-part.js";
import { startSecondEngine, type SecondEngine } from "../../support/second-engine.js";

const TREE = `mkdir -p /t/d/e; cd /t; echo one > f; ln f d/hard; ln -s /nowhere l; mkfifo p; mknod c c 1 3
chown 70000:300000 f; chmod 4751 f; chmod 1777 d; touch "with blanks" "$(printf 'bytes\\377')"
dd if=/dev/zero of=sparse bs=1 count=1 seek=5000000 2>/dev/null; dd if=/dev/urandom of=much bs=1M count=3 2>/dev/null
touch -d '2040-02-03 04:05:06' d/e; touch -d '1971-01-02 03:04:05' l`;

describe("docker.copy between two engines", () => {
  let second: SecondEngine;
  let run: RunRig;
  const engines: Record<"here" | "there", Engine | undefined> = { here: undefined, there: undefined };
  type Side = keyof typeof engines;
  const engine = (side: Side): Engine => {
    const found = engines[side];
    if (!found) throw new Error("not connected");
    return found;
  };
  const made: { readonly side: Side; readonly name: string }[] = [];

  before(async () => {
    second = await startSecondEngine();
    run = await RunRig.open();
    engines.here = await connect({ url: engineHost() }, { env: process.env, home: "/nonexistent" });
    engines.there = await connect({ url: second.host }, { env: {}, home: "/nonexistent" });
    const body = await imageArchive(baseImage);
    for (const side of ["here", "there"] as const)
      await engine(side).request({ method: "POST", path: "/images/load", query: { quiet: 1 }, body });
    // Their ids may be the same: Docker 20.10 takes it from the machine.
    expect(await dataOf("here")).not.to.equal(await dataOf("there"));
  });
  after(async () => {
    for (const { side, name } of made)
      await engine(side).request({ method: "DELETE", path: `/containers/${name}`, query: { force: true } });
    for (const one of Object.values(engines)) await one?.close();
    await run.close();
    await second.stop();
  });

  const dataOf = async (side: Side): Promise<string> =>
    (await engine(side).request<{ DockerRootDir: string }>({ path: "/info" })).DockerRootDir;
  const start = async (side: Side): Promise<string> => {
    const name = uniqueName("tsb-two");
    made.push({ side, name });
    const json = {
      Image: baseImage,
      Cmd: ["sleep", "10000"], // Podman's containers make no devices without it.
      HostConfig: { NetworkMode: "none", CapAdd: ["MKNOD"] },
    };
    await engine(side).request({ method: "POST", path: "/containers/create", query: { name }, json });
    await engine(side).request({ method: "POST", path: `/containers/${name}/start` });
    return name;
  };
  const shell = async (side: Side, container: string, script: string): Promise<void> => {
    const code = await execInContainer(engine(side), container, { cmd: ["sh", "-ec", script], user: "0" });
    expect(code).to.equal(0);
  };
  /** What an engine gives out of the tree: two versions write the same entries with other headers. */
  const archived = async (side: Side, container: string): Promise<object[]> => {
    const from = { path: `/containers/${container}/archive`, query: { path: "/t" } };
    const entries: object[] = [];
    for await (const entry of (await engine(side).stream(from)).pipe(extract())) {
      const { name, mode, uid, gid, mtime, type, linkname } = entry.header;
      const content = createHash("sha256")
        .update(await buffer(entry))
        .digest("hex");
      // The bits above say what it is: an older engine writes them.
      entries.push({ name, mode: mode & 0o7777, uid, gid, mtime, type, linkname, content });
    }
    return entries;
  };
  const part = (from: Side, to: Side, texts: Record<string, string>): PartRig => {
    const host = { here: engineHost(), there: second.host };
    return run.part(copy, uniqueName("copy"), {
      "engine-url-from": host[from],
      "engine-url-to": host[to],
      ...texts,
    });
  };

  for (const [from, to] of [
    ["here", "there"],
    ["there", "here"],
  ] as const)
    it(`brings everything as it is from ${from} to ${to}, and again when it has changed`, async () => {
      const source = await start(from);
      await shell(from, source, TREE);
      const target = await start(to);
      const rig = part(from, to, { "container-from": source, "container-to": target, paths: "/t" });
      await rig.install();
      const theirs = await listContainer(engine(from), source, "/t");
      expect(theirs.length).to.be.above(12);
      expect(await listContainer(engine(to), target, "/t")).to.deep.equal(theirs);
      expect(await archived(to, target)).to.deep.equal(await archived(from, source));
      run.forget();
      expect(await rig.inputs()).to.deep.equal(rig.record?.inputs);
      await shell(from, source, "echo two > /t/d/new");
      await rig.update();
      expect(await listContainer(engine(to), target, "/t")).to.deep.equal(
        await listContainer(engine(from), source, "/t"),
      );
    });

  it("reads an image of the one for a container of the other", async () => {
    const target = await start("here");
    const rig = part("there", "here", {
      "image-from": baseImage,
      "container-to": target,
      paths: "/etc/ /taken/",
    });
    await rig.install();
    const files = (await listContainer(engine("here"), target, "/taken")).join("\n");
    expect(files).to.contain("./passwd").and.to.contain("./group");
    const left = await engine("there").request<object[]>({
      path: "/containers/json",
      query: { all: 1, filters: { label: [`org.tsbuildout.part=${rig.part}`] } },
    });
    expect(left).to.deep.equal([]);
  });
});
