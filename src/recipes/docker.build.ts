import type { Engine } from "tsbuildout/docker";
import {
  defineRecipe,
  type InputsContext,
  type InstallContext,
  type Outputs,
  type PartRecord,
  type UninstallContext,
} from "tsbuildout/recipe";
import { complaintOf } from "./blame.js";
import { foreseeCache, withCache, type Cached } from "./build-cache.js";
import { configureBuild } from "./build-configure.js";
import { checkFiles, openFiles } from "./build-files.js";
import { basesOf, buildInputs, tellBases } from "./build-inputs.js";
import { referencesOf } from "./build-names.js";
import { buildOptions } from "./build-options.js";
import { namesInEngine, outputsGone } from "./build-output.js";
import { engineOf, forgetListing, listing, lookByEngine } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { idsIn, imageDrift, lastNamed, madeBy, NAMELESS_BASE, namesOf, nameTaken } from "./image-look.js";
import { forgetNames } from "./registry-push.js";
import { dropReplaced, noteReplaced, removeOurImage, removeReplaced, type Removal } from "./image-remove.js";

export default defineRecipe({
  doc: "Builds an image from a Dockerfile. The context is a folder, an archive, a git repository or a URL; it is sent only when something in it, or an image that it starts from, has changed, and then the image is rebuilt in place: the tags move, and the image that they leave is removed.",
  options: buildOptions,
  outputs: {
    "image-id": { doc: "The image's id, `sha256:…`." },
    digest: { doc: "The digest of its manifest, where the engine or buildx knows it; empty otherwise." },
    image: {
      doc: "The whole reference: `app:1.2`; of an image that is in the cache and was not fetched, its name there.",
    },
    "cache-key": { doc: "The key in the whole-image cache, 64 hexadecimal digits; empty without one." },
    "cache-hit": { doc: "Whether the image came from the cache: `true` or `false`; empty without one." },
    "cache-image": { doc: "The image's name in the cache; empty without one." },
  },
  configure: configureBuild,
  inputs: buildInputs,
  foresee: async (context) =>
    context.options["cache-repository"]
      ? await foreseeCache(context)
      : [
          ...(await complaintOf(async () => await checkFiles(context, context.options))),
          ...(await complaintOf(async () => await checkBuilder(context))),
        ],
  check: async (context) => await refuseDeadEnd(context),
  look: async (context) =>
    await lookByEngine(context, async (engine, records) => {
      const found = imageDrift(context, await listing(context, engine, "images"), records);
      for (const record of records) {
        const gone = await outputsGone(record, context.buildout.directory);
        if (gone.length > 0) found.set(record.part, [...(found.get(record.part) ?? []), ...gone]);
      }
      return found;
    }),
  install: build,
  update: build,
  uninstall,
});

/** @throws a problem `build/…` where there is nobody who can do what is asked for */
async function checkBuilder(context: InputsContext<typeof buildOptions>): Promise<void> {
  const { options } = context;
  const { builderFor, isEasy } = await import("./build-needs.js");
  if (!isEasy(options)) await builderFor(context, { engine: await engineOf(context), options });
}

async function build(context: InstallContext<typeof buildOptions>): Promise<Outputs> {
  const { options, record } = context;
  const engine = await engineOf(context);
  await forgetNames(context, engine);
  const references = namesInEngine(options);
  for (const name of references) await context.created({ kind: "image", name });
  const names = new Set([...namesOf(record), ...references]);
  const removal = removalOf(engine, record);
  const replaced = await noteReplaced(context, removal, { record, names });
  const byHand = lastNamed(await listing(context, engine, "images"), references);
  // The Dockerfile may start from the very image whose name the part's own will have.
  for (const { Id } of byHand.values())
    if (!replaced.has(Id)) await context.created({ kind: NAMELESS_BASE, name: Id });
  const built = await buildOrTake(context, { engine, references });
  for (const [name, { Id }] of byHand)
    if (Id !== built.id && !replaced.has(Id)) context.warn(nameTaken(name, Id, "name"));
  for (const name of names) {
    if (built.fetched && built.id !== "" && references.includes(name)) continue;
    await removeOurImage(context, name, removal);
    await context.removed({ kind: "image", name });
  }
  await dropReplaced(context, removal, { replaced, now: new Set([built.id]) });
  await forgetListing(context, engine, "images");
  return {
    "image-id": built.id,
    digest: built.digest ?? "",
    image: built.fetched ? (references[0] ?? referencesOf(options)[0]) : built.cacheImage,
    "cache-key": built.key,
    "cache-hit": options["cache-repository"] ? String(built.hit) : "",
    "cache-image": built.cacheImage,
  };
}

interface Wanted {
  readonly engine: Engine;
  readonly references: readonly string[];
}

async function buildOrTake(context: InstallContext<typeof buildOptions>, wanted: Wanted): Promise<Cached> {
  const { options } = context;
  const { engine } = wanted;
  const build = async () => {
    const files = await openFiles(context, options);
    const images = await listing(context, engine, "images");
    // Loaded on use: most runs have nothing to build.
    const { performBuild } = await import("./build-perform.js");
    const built = await performBuild(context, { engine, options, files });
    await tellBases(context, engine, { dockerfile: files.dockerfile, images });
    return built;
  };
  if (options["cache-repository"]) return await withCache(context, { ...wanted, build });
  return { ...(await build()), key: "", hit: false, cacheImage: "", fetched: true };
}

function removalOf(engine: Engine, record: PartRecord | undefined): Removal {
  const { "cache-hit": hit, "image-id": id } = record?.outputs ?? {};
  return { engine, bases: basesOf(record), made: madeBy(record), ...(hit === "true" && id && { taken: id }) };
}

async function uninstall(context: UninstallContext): Promise<void> {
  const removal = removalOf(await engineOf(context), context.record);
  await forgetNames(context, removal.engine);
  for (const name of namesOf(context.record)) await removeOurImage(context, name, removal);
  for (const id of [context.record.outputs["image-id"], ...idsIn(context.record)])
    if (id) await removeReplaced(context, removal, id);
}
