import { expect } from "chai";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHas, engineRemove, uniqueName } from "../../support/engine.js";
import { fakeEngine, lines, type Answer, type FakeEngine } from "../../support/fake-engine.js";
import { baseImage, ensureBaseImage } from "../../support/images.js";
import { failing, imageBuildout, installed } from "../../support/image-buildout.js";

const hangUp: Answer = (request) => void request.socket.destroy();

describe("docker.build on an engine that breaks", () => {
  let name: string;
  let engine: FakeEngine;
  let made: TestBuildout;
  const config = (url: string): string =>
    `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nbuilder = classic\n${url}dockerfile-inline =\n  FROM ${baseImage}\n  RUN echo ${name} > /name\n`;
  before(async () => void (await ensureBaseImage()));
  beforeEach(() => (name = uniqueName("tsb-broken")));
  afterEach(async () => {
    await made.dispose();
    await engine.close();
    await engineRemove("images", name);
  });
  const failingBuild = async (answer: Answer): Promise<string> => {
    engine = await fakeEngine({ "POST /build": answer });
    made = await imageBuildout({ config: config(`engine-url = ${engine.url}\n`) });
    return await failing(made);
  };
  /** What the next run makes of it, on an engine that is well again. */
  const repaired = async (): Promise<void> => {
    await made.write(config(""));
    await installed(made, "app");
    expect(await engineHas(`/images/${name}/json`)).to.equal(true);
    await made.uninstall();
    expect(await engineHas(`/images/${name}/json`)).to.equal(false);
  };

  it("a full disk, said in a stream with status 200", async () => {
    const said = "write /var/lib/docker/tmp/x: no space left on device";
    const step = { stream: `Step 1/2 : FROM ${baseImage}` };
    expect(await failingBuild(lines([step, { errorDetail: { message: said }, error: said }]))).to.equal(
      [
        `build/failed: the build failed at Step 1/2 : FROM ${baseImage}: ${said}`,
        `note: dockerfile-inline:1: FROM ${baseImage}`,
      ].join("\n"),
    );
    await repaired();
  });

  it("a full disk, said with status 500 before everything is read", async () => {
    const said = JSON.stringify({ message: "no space left on device" });
    const answer: Answer = (_request, response) =>
      response.writeHead(500, { "content-type": "application/json" }).end(said);
    expect(await failingBuild(answer)).to.equal("build/failed: the build failed: no space left on device");
    await repaired();
  });

  it("an answer that is cut off", async () => {
    const said = await failingBuild(lines([{ stream: `Step 1/2 : FROM ${baseImage}` }], "cut"));
    expect(said).to.equal(
      "engine/cut-off: the engine's answer was cut off\nnote: the connection closed in the middle of the answer",
    );
    await repaired();
  });

  it("an answer that ends well and brings no image", async () => {
    const said = await failingBuild(lines([{ stream: `Step 1/2 : FROM ${baseImage}` }]));
    expect(said).to.equal(
      "engine/cut-off: the engine ended the build without an image\nhelp: look into the engine's log; the next run builds again",
    );
    await repaired();
  });

  it("an engine that goes away", async () => {
    expect(await failingBuild(hangUp)).to.match(/^engine\/unreachable: /);
    await repaired();
  });

  it("does not go through a proxy of the environment", async () => {
    engine = await fakeEngine({});
    const proxy = "http://127.0.0.1:9";
    made = await imageBuildout({
      config: config(`engine-url = ${engine.url}\n`),
      env: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy, http_proxy: proxy },
    });
    await installed(made, "app");
    expect(engine.requests.filter((request) => request === "POST /build")).to.have.length(1);
    await made.uninstall();
  });

  it("sends nothing at all when nothing has changed", async () => {
    engine = await fakeEngine({});
    made = await imageBuildout({ config: config(`engine-url = ${engine.url}\n`) });
    await installed(made, "app");
    engine.requests.length = 0;
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    expect(engine.requests).to.deep.equal(["GET /_ping", "GET /images/json"]);
    await made.uninstall();
  });
});
