import { familiarName, imageKey, inspectImage, parseReference, type Engine } from "tsbuildout/docker";
import {
  defineRecipe,
  type ConfigureContext,
  type InputsContext,
  type UninstallContext,
} from "tsbuildout/recipe";
import { engineOf, listing, type Makers, makersOf, otherMaker, problemsOf } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { removeAllBrought } from "./image-brought.js";
import { tagsAmong } from "./pull-all.js";
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
  configure: async (context) => {
    configureRegistry(context);
    if (["name", "tag", "tags", "registry", "repository"].some((name) => context.unknown.has(name))) return;
    const makers = await makersOf(context);
    problemsOf(context, () => {
      const { source, targets } = pushTargets(context.options as PushOptions);
      if (!source.startsWith("sha256:")) context.uses(imageKey(source), `it pushes ${source}`);
      for (const target of targets) refuseTwice(context, makers, target);
    });
  },
  inputs: async (context) => {
    const engine = await engineOf(context);
    // All at once: the registry may be far away.
    const [image, others, there] = await Promise.all([
      sourceId(context, engine),
      otherIds(context, engine),
      registryDigests(context, engine),
    ]);
    return { image, ...others, ...there };
  },
  check: async (context) => await refuseDeadEnd(context),
  // What the engine is to have is in the inputs; what the registry is to have as well, because a look has no passwords.
  look: async () => await Promise.resolve(new Map()),
  install: pushEverything,
  update: pushEverything,
  uninstall,
});

/** Which image the registry has in the end would be a matter of chance. */
function refuseTwice(context: ConfigureContext<typeof pushOptions>, makers: Makers, target: string): void {
  const other = otherMaker(context, makers, `pushed ${target}`);
  if (other === undefined) return;
  context.fail({
    code: "push/name-twice",
    message: `${target} is pushed by the part ${other}, too`,
    help: ["give one of them another repository or tag"],
    option: context.text("repository") === undefined ? "name" : "repository",
  });
}

/** Asked by itself: an engine with containerd's image store takes long to list all that it has. */
async function sourceId(context: InputsContext<typeof pushOptions>, engine: Engine): Promise<string> {
  const { source } = pushTargets(context.options);
  return (await inspectImage(engine, source, context.signal))?.Id ?? "absent";
}

/** Of `all-tags`: what else is pushed. */
async function otherIds(
  context: InputsContext<typeof pushOptions>,
  engine: Engine,
): Promise<Record<string, string>> {
  if (!context.options["all-tags"]) return {};
  const { source } = pushTargets(context.options);
  const repository = familiarName(parseReference(source));
  const found = tagsAmong(await listing(context, engine, "images"), repository);
  return Object.fromEntries([...found].map(([name, id]) => [`image ${name}`, id]));
}

async function uninstall(context: UninstallContext): Promise<void> {
  await removeAllBrought(context, await engineOf(context));
}
