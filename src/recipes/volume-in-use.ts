import { type Call, removeVolume, volumeHolders } from "tsbuildout/docker";
import { RecipeError } from "tsbuildout/recipe";

/**
 * Removes a volume of a part's; one that is gone is no error.
 * @param help what to do where containers mount it
 * @throws a problem `volume/in-use` that names those containers
 */
export async function removeUnused(call: Call, name: string, help: string): Promise<void> {
  try {
    await removeVolume(call, name);
  } catch (error) {
    const holders = await volumeHolders(call, name);
    if (holders.length === 0) throw error;
    const what = {
      code: "volume/in-use",
      message: `volume ${name} cannot be removed: it is in use`,
      notes: holders.map((holder) => `container ${holder} mounts it`),
      help: [help],
    };
    throw new RecipeError(what, { cause: error, untouched: true });
  }
}
