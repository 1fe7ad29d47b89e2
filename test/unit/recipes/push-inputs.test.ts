import { expect } from "chai";
import { DockerError, type Engine } from "../../../src/docker.js";
import { registryDigests } from "../../../src/recipes/push-steps.js";

const DIGEST = "sha256:1";

describe("what a registry has of a push", () => {
  it("is what was pushed while it does not answer, which is said; it is asked once a run", async () => {
    const said: string[] = [];
    const asked: string[] = [];
    const engine = engineThat(async (path) => {
      asked.push(path);
      const message = "dial tcp: i/o timeout";
      return await Promise.reject(new DockerError({ code: "engine/failed", message }, { statusCode: 500 }));
    });
    const shared = new Map<string, unknown>();
    const about = (part: string) => partOf(["1", "2"], { part, said, shared });
    const recorded = { "registry r.example/app:1": "as pushed", "registry r.example/app:2": "as pushed" };
    expect(await registryDigests(about("a"), engine)).to.deep.equal(recorded);
    expect(await registryDigests(about("b"), engine)).to.deep.equal(recorded);
    expect(asked).to.have.length(1);
    expect(said).to.deep.equal([
      "a the registry does not say what it has, it is taken to have what was pushed: r.example/app:1: dial tcp: i/o timeout",
    ]);
  });

  it("is asked for all further tags at once: no tag waits for another's answer", async () => {
    const further: (() => void)[] = [];
    const bothAsked = async (): Promise<void> =>
      await new Promise((resolve) => {
        if (further.push(resolve) === 2) for (const answer of further) answer();
      });
    const engine = engineThat(async (path) => {
      const tag = /app:(\d)/.exec(decodeURIComponent(path))?.[1];
      if (tag !== "1") await bothAsked();
      return { Descriptor: { mediaType: "", digest: tag === "3" ? "sha256:2" : DIGEST, size: 1 } };
    });
    expect(await registryDigests(partOf(["1", "2", "3"]), engine)).to.deep.equal({
      "registry r.example/app:1": "as pushed",
      "registry r.example/app:2": "as pushed",
      "registry r.example/app:3": "changed",
    });
  });
});

function engineThat(answers: (path: string) => Promise<unknown>): Engine {
  return { request: async ({ path }: { path: string }) => await answers(path) } as unknown as Engine;
}

/** Pushed before, under these tags. */
function partOf(
  [tag, ...tags]: readonly string[],
  { part = "a", said = [] as string[], shared = new Map<string, unknown>() } = {},
): Parameters<typeof registryDigests>[0] {
  const names = [tag, ...tags].map((name) => `registry r.example/app:${name}`);
  return {
    part,
    options: { name: "r.example/app", tag, tags },
    buildout: { offline: false, newest: true },
    record: {
      inputs: Object.fromEntries(names.map((name) => [name, "as pushed"])),
      outputs: { digest: DIGEST },
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
  } as never;
}
