import { mock } from "node:test";
import { expect } from "chai";
import { DockerError, type Engine } from "../../../src/docker.js";
import type { InputsContext, PartRecord } from "../../../src/recipe.js";
import { pullInputs, type pullOptions } from "../../../src/recipes/pull-policy.js";

type Inputs = Readonly<Record<string, string>>;

/** An engine whose registry says that. */
const engineWith = (answer: () => object): (() => Promise<Engine>) => {
  return async () => await Promise.resolve({ request: async () => await Promise.resolve(answer()) } as never);
};
const shared = async (_key: string, make: () => unknown): Promise<unknown> => await Promise.resolve(make());
const refusing = (message: string) => () => {
  throw new DockerError({ code: "engine/failed", message }, { statusCode: 500 });
};

describe("when an image is pulled again", () => {
  let said: string[];
  beforeEach(() => void (said = []));
  afterEach(() => mock.timers.reset());

  const at = (
    policy: string,
    recorded?: Inputs,
    run: object = {},
    all = false,
  ): InputsContext<typeof pullOptions> => {
    const record = recorded && ({ inputs: recorded } as Partial<PartRecord>);
    const options = { name: "r.example/app", "pull-policy": policy, "all-tags": all };
    const buildout = { offline: false, newest: true, ...run };
    const surroundings = { env: {}, home: "/nonexistent", signal: new AbortController().signal };
    const told = { log: (line: string) => void said.push(line), secret: () => undefined };
    return { options, buildout, record, shared, ...told, ...surroundings } as never;
  };
  const nobody = engineWith(() => expect.fail("asked"));

  it("is by day, on the first run of it, also of one that comes again", async () => {
    mock.timers.enable({ apis: ["Date"], now: Date.parse("2026-03-01T23:59:59Z") });
    const today = await pullInputs(at("daily"), nobody);
    expect(today).to.deep.equal({ pulled: "2026-03-01" });
    mock.timers.setTime(Date.parse("2026-03-01T00:00:00Z"));
    expect(await pullInputs(at("daily", today), nobody)).to.deep.equal(today);
    mock.timers.setTime(Date.parse("2026-03-02T00:00:00Z"));
    expect(await pullInputs(at("daily", today), nobody)).to.deep.equal({ pulled: "2026-03-02" });
    // The clock was wrong.
    mock.timers.setTime(Date.parse("2025-12-24T00:00:00Z"));
    expect(await pullInputs(at("daily", today), nobody)).to.deep.equal({ pulled: "2025-12-24" });
  });

  it("is not by what a run without network, or for nothing newer, would have to ask", async () => {
    const recorded = { registry: "sha256:1", pulled: "2026-03-01" };
    for (const policy of ["newer", "daily", "always"])
      for (const run of [{ offline: true }, { newest: false }])
        expect(await pullInputs(at(policy, recorded, run), nobody)).to.deep.equal(recorded);
    expect(await pullInputs(at("missing", recorded), nobody)).to.deep.equal({});
  });

  it("is at every run that gets an answer, of a whole repository: nobody tells which tags there are", async () => {
    mock.timers.enable({ apis: ["Date"], now: Date.parse("2026-03-01T00:00:00Z") });
    const recorded = { registry: "2026-02-28T00:00:00.000Z" };
    const all = at("newer", recorded, {}, true);
    const answers = engineWith(() => ({ Descriptor: { digest: "sha256:2", mediaType: "m" } }));
    expect(await pullInputs(all, answers)).to.deep.equal({ registry: "2026-03-01T00:00:00.000Z" });
    const without = engineWith(refusing("manifest unknown: manifest unknown"));
    expect(await pullInputs(all, without)).to.deep.equal({ registry: "2026-03-01T00:00:00.000Z" });
    const gone = engineWith(refusing("dial tcp: connection refused"));
    expect(await pullInputs(all, gone)).to.deep.equal(recorded);
  });

  it("is by what the registry has; while it does not answer, what is here stays, which is said", async () => {
    const recorded = { registry: "sha256:1" };
    const moved = engineWith(() => ({ Descriptor: { digest: "sha256:2", mediaType: "m" } }));
    expect(await pullInputs(at("newer", recorded), moved)).to.deep.equal({ registry: "sha256:2" });
    const gone = engineWith(refusing("dial tcp: connection refused"));
    expect(await pullInputs(at("newer", recorded), gone)).to.deep.equal(recorded);
    expect(said).to.deep.equal([
      "the registry does not answer, what is here stays: r.example/app:latest: dial tcp: connection refused",
    ]);
    const asked = async (recordedThen: Inputs | undefined, message: string): Promise<unknown> => {
      const error: unknown = await pullInputs(at("newer", recordedThen), engineWith(refusing(message))).catch(
        (thrown: unknown) => thrown,
      );
      return error instanceof DockerError ? error.problem.code : error;
    };
    expect(await asked(undefined, "dial tcp: connection refused")).to.deep.equal({ registry: "unknown" });
    expect(await asked(recorded, "unauthorized: authentication required")).to.equal("registry/denied");
  });
});
