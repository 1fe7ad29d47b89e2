import { expect } from "chai";
import { DockerError, type Engine } from "../../../src/docker.js";
import { registryDigests } from "../../../src/recipes/push-steps.js";

describe("what a registry has of a push", () => {
  it("is what was pushed while it does not answer, which is said; it is asked once a run", async () => {
    const said: string[] = [];
    const asked: string[] = [];
    const shared = new Map<string, unknown>();
    const names = ["r.example/app:1", "r.example/app:2"];
    const context = (part: string): Parameters<typeof registryDigests>[0] =>
      ({
        part,
        options: { name: "r.example/app", tag: "1", tags: ["2"] },
        buildout: { offline: false, newest: true },
        record: {
          inputs: Object.fromEntries(names.map((name) => [`registry ${name}`, "as pushed"])),
          outputs: { digest: "sha256:1" },
        },
        env: {},
        home: "/nonexistent",
        signal: new AbortController().signal,
        log: (line: string) => void said.push(`${part} ${line}`),
        secret: () => undefined,
        shared: async (key: string, make: () => unknown) => {
          if (!shared.has(key)) shared.set(key, make());
          return await Promise.resolve(shared.get(key));
        },
      }) as never;
    const engine = {
      request: async ({ path }: { path: string }) => {
        asked.push(path);
        const message = "dial tcp: i/o timeout";
        return await Promise.reject(new DockerError({ code: "engine/failed", message }, { statusCode: 500 }));
      },
    } as unknown as Engine;
    const recorded = { "registry r.example/app:1": "as pushed", "registry r.example/app:2": "as pushed" };
    expect(await registryDigests(context("a"), engine)).to.deep.equal(recorded);
    expect(await registryDigests(context("b"), engine)).to.deep.equal(recorded);
    expect(asked).to.have.length(1);
    expect(said).to.deep.equal([
      "a the registry does not say what it has, it is taken to have what was pushed: r.example/app:1: dial tcp: i/o timeout",
    ]);
  });
});
