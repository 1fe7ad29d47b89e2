import { expect } from "chai";
import { join } from "node:path";
import { connect } from "../../../src/docker/connect.js";
import type { Engine } from "../../../src/docker/engine.js";
import { execInContainer } from "../../../src/docker/exec.js";
import { copyOptions } from "../../../src/recipes/copy-options.js";
import copy from "../../../src/recipes/docker.copy.js";
import { engineHost, engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { everyOption } from "../../support/every-option.js";
import { ensureBaseImage } from "../../support/images.js";
import { listContainer, listFolder, withoutFractions } from "../../support/listing.js";
import { failureOf, RunRig, type PartRig } from "../../support/recipe-part.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

const TREE = `mkdir -p /t/d/e /t/empty; cd /t; echo one > f; ln f d/hard; ln -s /nowhere d/l
echo two > "d/e/with blanks"; chown 70000:300000 f; chmod 4751 f; chmod 1777 empty
touch -d '2001-02-03 04:05:06' d/e "d/e/with blanks"; touch -h -d '1971-01-02 03:04:05' d/l`;

/** `symlink|777|5:6|…` */
const OWNER = /^([^|]*\|[^|]*\|)(\d+):(\d+)/;

const start = async (name: string, Image: string): Promise<void> => {
  const body = { Image, Cmd: ["sleep", "10000"] };
  await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body });
  await engineJson({ method: "POST", path: `/containers/${name}/start` });
};

const isB = (line: string): boolean => /\.\/b\b/.test(line);

/** For every option, full listings of what was copied and of what there is, made by the same programs on both sides. */
describe("docker.copy: every option", () => {
  let engine: Engine;
  let run: RunRig;
  let image: string;
  let source: string;
  let target: string;
  let theirs: string[];
  before(async () => {
    engine = await connect({ url: engineHost() }, { env: process.env, home: "/nonexistent" });
    run = await RunRig.open();
    image = await ensureBaseImage();
    source = uniqueName("tsb-from");
    await start(source, image);
    expect(await execInContainer(engine, source, { cmd: ["sh", "-ec", TREE] })).to.equal(0);
    theirs = await listContainer(engine, source, "/t");
  });
  beforeEach(async () => {
    target = uniqueName("tsb-to");
    await start(target, image);
  });
  afterEach(async () => await engineRemove("containers", target));
  after(async () => {
    await engineRemove("containers", source);
    await run.close();
    await engine.close();
  });

  const part = (texts: Record<string, string>): PartRig =>
    run.part(copy, "copy", { "container-from": source, "container-to": target, paths: "/t", ...texts });
  /** What the target has after a copy. */
  const copied = async (texts: Record<string, string> = {}): Promise<string[]> => {
    await part(texts).install();
    return await listContainer(engine, target, "/t");
  };
  /** From something else than the container. */
  const other = (texts: Record<string, string>): PartRig => {
    const rig = part({});
    rig.texts = { "container-to": target, paths: "/t", ...texts };
    return rig;
  };
  const owned = (change: (uid: string, gid: string) => string): string[] =>
    theirs.map((line) => line.replace(OWNER, (_, before, uid, gid) => before + change(uid, gid)));
  const nowhere = "tcp://127.0.0.1:1";
  /** The engine of a side is looked for as the options say: nothing of the kind is there. */
  const asks = (texts: Record<string, string>, said: string) => async () => {
    const rig = part(texts);
    rig.env = { ...rig.env, DOCKER_CERT_PATH: "/no/pems" };
    expect((await failureOf(rig.install())).message).to.contain(said);
  };
  const ofSide = (side: string): Record<string, () => Promise<unknown>> => ({
    [`engine-url-${side}`]: asks({ [`engine-url-${side}`]: nowhere }, `at ${nowhere}`),
    [`context-${side}`]: asks({ [`context-${side}`]: "tsb-nothing" }, "tsb-nothing"),
    [`machine-name-${side}`]: asks({ [`machine-name-${side}`]: "tsb-nothing" }, "tsb-nothing"),
    [`engine-tls-verify-${side}`]: asks(
      { [`engine-url-${side}`]: nowhere, [`engine-tls-verify-${side}`]: "true" },
      "/no/pems (DOCKER_CERT_PATH) has none",
    ),
    [`engine-tls-cert-path-${side}`]: asks(
      { [`engine-url-${side}`]: nowhere, [`engine-tls-cert-path-${side}`]: "/tsb-nothing" },
      "/tsb-nothing (engine-tls-cert-path) has none",
    ),
  });

  const checks: Record<string, () => Promise<unknown>> = {
    "container-from": async () => expect(await copied()).to.deep.equal(theirs),
    "container-to": async () => {
      await copied();
      expect(await listContainer(engine, source, "/t"), "the source is left as it is").to.deep.equal(theirs);
    },
    "image-from": async () => {
      const made = uniqueName("tsb-copy-image");
      const path = `/commit?container=${source}&repo=${made}`;
      await engineJson({ method: "POST", path, body: {} });
      const original = uniqueName("tsb-copy-original");
      try {
        await start(original, made);
        await other({ "image-from": made }).install();
        expect(await listContainer(engine, target, "/t")).to.deep.equal(
          await listContainer(engine, original, "/t"),
        );
      } finally {
        await engineRemove("containers", original);
        await engineRemove("images", made);
      }
    },
    "path-from": async () => {
      const folder = await temporaryFolder();
      await writeFiles(folder, { "t/f": "one\n", "t/d/e/with blanks": "two\n" });
      await other({ "path-from": folder }).install();
      expect(await listContainer(engine, target, "/t")).to.deep.equal(listFolder(join(folder, "t")));
    },
    "path-to": async () => {
      const folder = await temporaryFolder();
      const rig = part({ "path-to": folder });
      rig.texts = { "container-from": source, "path-to": folder, paths: "/t/d/e/" };
      await rig.install();
      const [line = ""] = await listContainer(engine, source, "/t/d/e");
      const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
      // A file of the host is written by Node, whose times end at the millisecond.
      expect(withoutFractions(listFolder(join(folder, "t/d/e")))[0]).to.equal(
        withoutFractions([line.replace(OWNER, `$1${owner}`)])[0],
      );
    },
    paths: async () => {
      await part({ paths: "/t/d/ /t\n'/t/d/e/with blanks' /t/b" }).install();
      const there = await listContainer(engine, target, "/t");
      // The link to what is not copied is a file of its own.
      const below = await listContainer(engine, source, "/t/d");
      expect(there.filter((line) => !isB(line))).to.have.members(
        below.map((line) => line.replace("|2|0,0|", "|1|0,0|")),
      );
      const blanks = theirs.filter((line) => line.includes("./d/e/with blanks"));
      expect(there.filter(isB)).to.deep.equal(blanks.map((line) => line.replace("./d/e/with blanks", "./b")));
    },
    platform: async () => {
      const rig = other({ "image-from": image, platform: "linux/s390x" });
      expect((await failureOf(rig.install())).code).to.equal("engine/not-found");
    },
    uid: async () => expect(await copied({ uid: "11" })).to.deep.equal(owned((_, gid) => `11:${gid}`)),
    gid: async () => expect(await copied({ gid: "22" })).to.deep.equal(owned((uid) => `${uid}:22`)),
    exclude: async () =>
      expect(await copied({ exclude: "d/e\nempty" })).to.deep.equal(
        theirs.filter((line) => !/\.\/(d\/e|empty)\b/.test(line)),
      ),
    "exact-times": async () =>
      expect(await copied({ "exact-times": "false" })).to.deep.equal(withoutFractions(theirs)),
    ...ofSide("from"),
    ...ofSide("to"),
  };
  for (const [option, check] of Object.entries(checks)) it(option, async () => void (await check()));

  everyOption(copyOptions, Object.keys(checks));
});
