import { expect } from "chai";
import { engineRemove, isPodman, uniqueName } from "../../support/engine.js";
import { type Answer, type FakeEngine, fakeEngine, handOn, lines } from "../../support/fake-engine.js";
import { failing, imageBuildouts, inspectedImage, installed } from "../../support/image-buildout.js";
import { loadImage } from "../../support/images.js";
import { putImage } from "../../support/registry-content.js";
import { type Registry, startRegistry } from "../../support/registry.js";

const FULL = "write /var/lib/docker/tmp/GetImageBlob7: no space left on device";
const BEGUN = [{ status: "Pulling from x" }, { id: "0123456789ab", status: "Downloading" }];
/** Which is all that an answer whose end is the connection's tells. */
const CUT = {
  pull: "engine/cut-off: the engine's answer was cut off\nnote: nothing was said of how the pull of REF ended",
  push: "engine/cut-off: the engine ended the push of REF without a digest",
};
/** Podman never says how a pull ended, so that its answer is asked for as one that says itself where it ends. */
const CUT_BY_PODMAN =
  "engine/cut-off: the engine's answer was cut off\nnote: the connection closed in the middle of the answer";

/** What an engine says on a bad day, and what the user is told; REF stands for the image. */
const DAYS: readonly (readonly [day: string, answer: Answer, told: string | typeof CUT])[] = [
  ["its answer is cut off, between two lines", lines(BEGUN, "cut"), CUT],
  [
    "its disk is full, which it says with HTTP status 200",
    lines([...BEGUN, { errorDetail: { message: FULL }, error: FULL }]),
    `registry/failed: REF: ${FULL}\nhelp: make room on the disk of the engine or of the registry`,
  ],
  [
    "its disk is full, which it says with HTTP status 500",
    (_, response) => response.writeHead(500).end(JSON.stringify({ message: FULL })),
    `registry/failed: REF: ${FULL}\nhelp: make room on the disk of the engine or of the registry`,
  ],
  [
    "it says something that is not JSON",
    (_, response) => response.writeHead(200).end('{"status":"Pulling'),
    'engine/cut-off: the engine\'s answer was cut off\nnote: not JSON: {"status":"Pulling',
  ],
];

describe("an image on its way when an engine has a bad day", () => {
  let registry: Registry;
  let engine: FakeEngine;
  let reference: string;
  let bad: Answer | undefined;
  const buildout = imageBuildouts();
  before(async () => void (registry = await startRegistry()));
  after(async () => await registry.stop());
  beforeEach(async () => {
    reference = `${registry.host}/${uniqueName("tsb-broken")}:1`;
    const transfers = /\/images\/create\?|\/push\?/;
    engine = await fakeEngine({}, (request, response) =>
      (bad && transfers.test(request.url ?? "") ? bad : handOn)(request, response),
    );
  });
  afterEach(async () => {
    await engine.close();
    await engineRemove("images", reference);
  });

  it("docker.push: it ends without having said a digest, though it had one of an earlier push", async () => {
    await loadImage(reference);
    const config = `[buildout]\nparts = it\n[it]\nrecipe = docker.push\nname = ${reference}\nengine-url = ${engine.url}\n`;
    const made = await buildout({ config });
    await installed(made, "it");
    await made.write(`${config}tags = 2\n`);
    bad = lines(BEGUN);
    expect(await failing(made)).to.equal(
      `engine/cut-off: the engine ended the push of ${reference.replace(/1$/, "2")} without a digest`,
    );
    bad = undefined;
    await installed(made, "it");
    await made.uninstall();
  });

  for (const [day, answer, told] of DAYS) {
    for (const recipe of ["pull", "push"] as const) {
      it(`docker.${recipe}: ${day}; the next run repairs it`, async () => {
        if (recipe === "pull") await putImage(reference);
        else await loadImage(reference);
        const made = await buildout({
          config: `[buildout]\nparts = it\n[it]\nrecipe = docker.${recipe}\nname = ${reference}\nengine-url = ${engine.url}\n`,
        });
        bad = answer;
        const cut = recipe === "pull" && (await isPodman()) ? CUT_BY_PODMAN : CUT[recipe];
        const text = typeof told === "string" ? told : cut;
        expect(await failing(made)).to.equal(text.replace("REF", reference));
        expect(Boolean(await inspectedImage(reference)), "nothing is left of it").to.equal(recipe === "push");
        bad = undefined;
        expect((await installed(made, "it"))["digest"]).to.match(/^sha256:/);
        expect((await made.install()).counts).to.include({ unchanged: 1 });
        await made.uninstall();
      });
    }
  }
});
