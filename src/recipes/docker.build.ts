import { defineRecipe, type InstallContext, type Outputs, type UninstallContext } from "tsbuildout/recipe";
import { configureBuild } from "./build-configure.js";
import { openFiles } from "./build-files.js";
import { basesOf, buildInputs } from "./build-inputs.js";
import { referencesOf } from "./build-names.js";
import { buildOptions } from "./build-options.js";
import { performBuild } from "./build-perform.js";
import { engineOf, forgetListing, listing, lookByEngine } from "./common.js";
import { imageDrift, namesOf } from "./image-look.js";
import { removeOurImage, removeStrays, type Removal } from "./image-remove.js";

export default defineRecipe({
  doc: "Builds an image from a Dockerfile. The context is a folder, an archive, a git repository or a URL; it is sent only when something in it, or an image that it starts from, has changed, and then the image is rebuilt in place: the tags move, and the image that they leave is removed.",
  options: buildOptions,
  outputs: {
    "image-id": { doc: "The image's id, `sha256:…`." },
    digest: { doc: "The digest of its manifest, where the engine or buildx knows it; empty otherwise." },
    image: { doc: "The whole reference: `app:1.2`." },
  },
  configure: configureBuild,
  inputs: buildInputs,
  look: async (context) =>
    await lookByEngine(context, async (engine, records) =>
      imageDrift(context, await listing(context, engine, "images"), records),
    ),
  install: build,
  update: build,
  uninstall,
});

async function build(context: InstallContext<typeof buildOptions>): Promise<Outputs> {
  const { options, record } = context;
  const engine = await engineOf(context);
  const references = referencesOf(options);
  for (const name of references) await context.created({ kind: "image", name });
  const files = await openFiles(context, options);
  try {
    const built = await performBuild(context, { engine, options, files });
    const removal: Removal = {
      engine,
      bases: basesOf(record),
      replaced: record !== undefined && record.outputs["image-id"] !== built.id,
    };
    for (const name of record ? namesOf(record) : []) {
      if (references.includes(name)) continue;
      await removeOurImage(context, name, removal);
      await context.removed({ kind: "image", name });
    }
    await removeStrays(context, removal);
    await forgetListing(context, engine, "images");
    return { "image-id": built.id, digest: built.digest ?? "", image: references[0] };
  } finally {
    await files.close();
  }
}

async function uninstall(context: UninstallContext): Promise<void> {
  const removal: Removal = { engine: await engineOf(context), bases: basesOf(context.record) };
  for (const name of namesOf(context.record)) await removeOurImage(context, name, removal);
  await removeStrays(context, removal);
}
