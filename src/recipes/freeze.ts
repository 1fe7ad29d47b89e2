import { RecipeError } from "tsbuildout/recipe";
import { binaries, trials } from "./freeze-binaries.js";

/** Where it goes in an image, and the default command there. */
export const FREEZE = "/bin/freeze";

/**
 * The static program that waits for ever, for one of Docker's architectures.
 * @throws RecipeError `gentoo/architecture`
 */
export function freezeFor(arch: string): Buffer {
  return programOf(binaries, arch);
}

/**
 * The static program that ends at once with 0, for one of Docker's architectures: where it does not, programs of that
 * architecture cannot be run.
 * @throws RecipeError `gentoo/architecture`
 */
export function trialFor(arch: string): Buffer {
  return programOf(trials, arch);
}

function programOf(programs: Readonly<Record<string, string>>, arch: string): Buffer {
  const found = programs[arch];
  if (found) return Buffer.from(found, "base64");
  throw new RecipeError({
    code: "gentoo/architecture",
    message: `there is no ${FREEZE} for ${arch}`,
    notes: [`there are ${Object.keys(programs).join(", ")}`],
    help: ["set command to a program of the image that does not end"],
  });
}
