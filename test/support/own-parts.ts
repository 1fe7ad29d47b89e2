import { expect } from "chai";
import { engineRemove, uniqueName } from "./engine.js";
import { type PartRig, RunRig } from "./recipe-part.js";

export interface OwnParts {
  /** A part with a name that no other test has, unless `texts` has one. */
  readonly part: (texts?: Record<string, string>) => PartRig;
  /** A name for what a test makes by itself. */
  readonly ownName: () => string;
  /** However many parts there are, one request says that nothing of theirs has changed. */
  readonly expectOneLook: (rigs: readonly PartRig[]) => Promise<void>;
}

/** For a suite that tries one recipe: whatever its parts are called is removed from the engine after each test. */
export function ownParts(recipe: unknown, kind: "networks" | "volumes"): OwnParts {
  let run: RunRig;
  let made: string[];
  before(async () => {
    run = await RunRig.open();
  });
  after(async () => await run.close());
  beforeEach(() => (made = []));
  afterEach(async () => {
    for (const name of made) await engineRemove(kind, encodeURIComponent(name));
  });
  const ownName = (name = uniqueName(`tsb-${kind}`)): string => {
    made.push(name);
    return name;
  };
  return {
    part: (texts = {}) => run.part(recipe, ownName(texts["name"]), texts),
    ownName: () => ownName(),
    expectOneLook: async (rigs) => {
      const before = run.requests;
      expect(await run.look(recipe, rigs)).to.deep.equal(new Map());
      expect(run.requests - before).to.equal(1);
    },
  };
}
