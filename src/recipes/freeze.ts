import { RecipeError } from "tsbuildout/recipe";
import { binaries } from "./freeze-binaries.js";

/** Where it goes in an image, and the default command there. */
export const FREEZE = "/bin/freeze";

/**
 * The static program that waits for ever, for one of Docker's architectures.
 * @throws RecipeError `gentoo/architecture`
 */
export function freezeFor(arch: string): Buffer {
  const found = binaries[arch];
  if (found) return Buffer.from(found, "base64");
  throw new RecipeError({
    code: "gentoo/architecture",
    message: `there is no ${FREEZE} for ${arch}`,
    notes: [`there are ${Object.keys(binaries).join(", ")}`],
    help: ["set command to a program of the image that does not end"],
  });
}
