import { expect } from "chai";
import { testBuildout } from "../../../src/testing.js";
import { playedEngine } from "../../support/played-engine.js";

const image = (id: string) => ({ Id: `sha256:${id}`, RepoTags: [], RepoDigests: [], Config: {} });

describe("docker.build, on a played engine", () => {
  it("knows its image by what the engine says that it has built, be the name on another checkout's by then", async () => {
    const { url, close } = await playedEngine({
      answers: {
        "POST /build": [200, `${JSON.stringify({ aux: { ID: "sha256:mine" } })}\n`],
        "GET /images/sha256%3Amine/json": image("mine"),
        "GET /images/app%3Alatest/json": image("theirs"),
      },
    });
    const config = "[buildout]\nparts = app\n[app]\nrecipe = docker.build\nbuilder = classic\n";
    await using buildout = await testBuildout({
      config: `${config}dockerfile-inline = FROM scratch\n`,
      env: { DOCKER_HOST: url },
    });
    try {
      expect((await buildout.install()).ok).to.equal(true);
      expect((await buildout.records()).get("app")?.outputs["image-id"]).to.equal("sha256:mine");
    } finally {
      await close();
    }
  });
});
