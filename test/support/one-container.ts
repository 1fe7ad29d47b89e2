import run_ from "../../src/recipes/docker.run.js";
import type { Outputs } from "../../src/recipe.js";
import { engineRemove, uniqueName } from "./engine.js";
import { ensureBaseImage } from "./images.js";
import { type PartRig, RunRig } from "./recipe-part.js";

export interface OneContainer {
  /** Of the last `install`. */
  readonly part: PartRig;
  install(texts: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Outputs>;
}

/** For a suite whose tests each install a docker.run part of their own: the container goes after the test.
 *  @param defaults options that every part of the suite has, beside the base image */
export function oneContainer(prefix: string, defaults: Readonly<Record<string, string>> = {}): OneContainer {
  let run: RunRig;
  let image: string;
  let part: PartRig;
  before(async () => {
    run = await RunRig.open();
    image = await ensureBaseImage();
  });
  afterEach(async () => await engineRemove("containers", part.part));
  after(async () => await run.close());
  return {
    get part() {
      return part;
    },
    install: async (texts, signal) => {
      part = run.part(run_, uniqueName(prefix), { image, ...defaults, ...texts });
      if (signal) part.signal = signal;
      return await part.install();
    },
  };
}
