import { findImage, imageKey, type Engine } from "tsbuildout/docker";
import { defineRecipe, type InputsContext, type UninstallContext } from "tsbuildout/recipe";
import { engineOf, listing, problemsOf } from "./common.js";
import { removeAllBrought } from "./image-brought.js";
import { pushOptions, pushTargets, type PushOptions } from "./push-options.js";
import { pushEverything, registryDigests } from "./push-steps.js";
import { configureRegistry } from "./registry-options.js";

export default defineRecipe({
  doc: "Pushes an image to a registry, under one tag or several. Nothing is sent where the registry has the same digest under the tag already. Uninstalling takes away the names that the part gave the image on the engine; what is in the registry stays there.",
  options: pushOptions,
  outputs: {
    "image-id": { doc: "The image's id on the engine." },
    digest: { doc: "The digest of its manifest in the registry, `sha256:…`." },
    image: { doc: "The image by its digest, `repository@sha256:…`: what others should use." },
    reference: { doc: "The image by its first tag in the registry." },
  },
  configure: (context) => {
    configureRegistry(context);
    if (["name", "tag", "tags", "registry", "repository"].some((name) => context.unknown.has(name))) return;
    problemsOf(context, () => {
      const { source } = pushTargets(context.options as PushOptions);
      if (!source.startsWith("sha256:")) context.uses(imageKey(source), `it pushes ${source}`);
    });
  },
  inputs: async (context) => {
    const engine = await engineOf(context);
    return { image: await sourceId(context, engine), ...(await registryDigests(context, engine)) };
  },
  // What the engine is to have is in the inputs; what the registry is to have as well, because a look has no passwords.
  look: async () => await Promise.resolve(new Map()),
  install: pushEverything,
  update: pushEverything,
  uninstall,
});

async function sourceId(context: InputsContext<typeof pushOptions>, engine: Engine): Promise<string> {
  const { source } = pushTargets(context.options);
  return findImage(await listing(context, engine, "images"), source)?.Id ?? "absent";
}

async function uninstall(context: UninstallContext): Promise<void> {
  await removeAllBrought(context, await engineOf(context));
}
