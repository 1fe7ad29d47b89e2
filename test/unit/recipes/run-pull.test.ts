import type { ServerResponse } from "node:http";
import { expect } from "chai";
import { testBuildout } from "../../../src/testing.js";
import { fakeEngine } from "../../support/fake-engine.js";

const part = (name: string, option: string): string =>
  `[${name}]\nrecipe = docker.run\nimage = x\npull-policy = always\n${option}\n`;

const tell = (response: ServerResponse): void =>
  void response.end(JSON.stringify({ Descriptor: { digest: "sha256:1" } }));

describe("what a registry has of an image that several parts run", () => {
  it("is asked on for the others where one gives up, and nobody else is told that one's reason", async () => {
    let isOver = false;
    const waiting: ServerResponse[] = [];
    const engine = await fakeEngine(
      {
        "GET /_ping": (_, response) => response.writeHead(200, { "api-version": "1.45" }).end("OK"),
        "GET /images/json": (_, response) => response.end("[]"),
        "GET /distribution/docker.io/library/x%3Alatest/json": (_, response) =>
          isOver ? tell(response) : void waiting.push(response),
      },
      (_, response) => response.writeHead(404).end(`{"message": "there is none"}`),
    );
    const parts = part("hasty", "timeout = 1") + part("other", "");
    const config = `[buildout]\nparts = hasty other\nengine-url = ${engine.url}\n${parts}`;
    const buildout = await testBuildout({ config, env: {} });
    try {
      const { parts: ends } = await buildout.install({
        jobs: 2,
        report: (event) => {
          if (event.type !== "part-ended" || event.part !== "hasty") return;
          isOver = true;
          for (const response of waiting) tell(response);
        },
      });
      expect(ends.map(({ why }) => why)).to.deep.equal([
        "not done within 1 second",
        "the engine has no image x, and cannot pull it",
      ]);
    } finally {
      await buildout.dispose();
      await engine.close();
    }
  });
});
