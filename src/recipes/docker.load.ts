import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable, Transform } from "node:stream";
import {
  archiveKindOf,
  archiveNames,
  decompress,
  DockerError,
  imageKey,
  inspectImage,
  loadImages,
  repoDigest,
  tagImage,
  type Engine,
} from "tsbuildout/docker";
import {
  defineRecipe,
  option,
  RecipeError,
  type InputsContext,
  type InstallContext,
  type OptionsOf,
  type Outputs,
  type UninstallContext,
} from "tsbuildout/recipe";
import { about, blame, complaintOf } from "./blame.js";
import { archiveDigest } from "./build-archive.js";
import { referencesOf } from "./build-names.js";
import {
  configureEngine,
  engineOf,
  engineOptions,
  forgetListing,
  listing,
  lookByEngine,
  problemsOf,
} from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { bringTo, broughtDrift, removeAllBrought, removeBrought } from "./image-brought.js";
import { imagesByName } from "./image-look.js";
import { forPlatform, platformFor } from "./image-platform.js";

const inPlace = true;

export const loadOptions = {
  ...engineOptions,
  file: option.path({
    doc: "The archive, as `docker save` or docker.save writes it, also packed: gzip is unpacked by the engine, bzip2, xz and zstd by their programs on this machine.",
    required: true,
    aliases: ["path", "archive", "input"],
    inPlace,
  }),
  name: option.string({
    doc: "A further name for the image of the archive (its first one, where it has several). Needed where the archive names none.",
    aliases: ["image"],
    inPlace,
  }),
  tag: option.string({
    doc: "Tag that goes with `name`. Default: the one in the name, else `latest`.",
    inPlace,
  }),
  platform: option.string({
    doc: "Which platform's image to load, from an archive of several (engine 28 with containerd's image store).",
    inPlace,
  }),
};

export default defineRecipe({
  doc: "Loads images from an archive. Uninstalling takes away the tags that the part brought, and only those; one that another part of the buildout has stays for it.",
  options: loadOptions,
  outputs: {
    "image-id": { doc: "The id of the first image, `sha256:…`." },
    digest: { doc: "The digest of its manifest, where the engine knows one; empty otherwise." },
    image: { doc: "Its reference: `app:1.2`." },
    reference: { doc: "The same." },
    images: { doc: "Every reference, one a line." },
  },
  configure: (context) => {
    configureEngine(context);
    const { file, name, tag } = context.options;
    if (file) context.uses(`file:${file}`, "it loads the file");
    if (!name || context.unknown.has("tag")) return;
    problemsOf(context, () => context.provides(imageKey(referencesOf({ name, tag })[0])));
  },
  inputs: async (context) => ({ file: await digestOf(context) }),
  check: async (context) => await refuseDeadEnd(context),
  foresee: async (context) => await complaintOf(async () => await checkFile(context.options)),
  look: async (context) =>
    await lookByEngine(context, async (engine, records) =>
      broughtDrift(await listing(context, engine, "images"), records),
    ),
  install: load,
  update: load,
  uninstall,
});

type Options = OptionsOf<typeof loadOptions>;
type Install = InstallContext<typeof loadOptions>;

async function digestOf(context: InputsContext<typeof loadOptions>): Promise<string> {
  await checkFile(context.options);
  return await archiveDigest(context, context.options.file);
}

async function checkFile({ file }: Options): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile()) return;
  throw new RecipeError({
    code: "image/no-file",
    message: found ? `${file} is not a file` : `${file} does not exist`,
    option: "file",
  });
}

async function load(context: Install): Promise<Outputs> {
  const engine = await engineOf(context);
  const { options, record, signal } = context;
  const { env } = context;
  const inArchive = await about("file", async () => await archiveNames(options.file, { env, signal }));
  const own = ownName(options, inArchive);
  const names = [...new Set([...(own ? [own] : []), ...inArchive])];
  const [first] = inArchive;
  const bring = async () => {
    const nameless = await send(context, engine);
    const image = first ?? nameless;
    if (own && image) await tagImage(engine, image, own, signal);
  };
  await bringTo(context, engine, { names, bring });
  for (const [name, id] of imagesByName(record)) {
    if (names.includes(name)) continue;
    await removeBrought(context, engine, { name, id });
    await context.removed({ kind: "image", name });
  }
  await forgetListing(context, engine, "images");
  return await outputsOf(engine, names, signal);
}

/** @throws a problem where the archive names nothing and the part neither */
function ownName({ name, tag, file }: Options, inArchive: readonly string[]): string | undefined {
  if (inArchive.length === 0 && !name) {
    throw new RecipeError({
      code: "image/no-name",
      message: `the images in ${file} have no names`,
      help: [
        "say by name what the image is to be called, or save it by its name: docker save app:1, not its id",
      ],
      option: "file",
    });
  }
  return name ? referencesOf({ name, tag })[0] : undefined;
}

/** @returns the id of an image that has no name */
async function send(context: Install, engine: Engine): Promise<string | undefined> {
  const { env, signal } = context;
  const { file } = context.options;
  const platform = platformFor(context, engine, "1.48");
  const { size } = await stat(file);
  const unpackedThere = [undefined, "tar", "gzip"].includes(await archiveKindOf(file));
  const packed = counted(createReadStream(file, { highWaterMark: 1024 * 1024 }), (current) =>
    context.progress({ step: `loading ${file}`, current, total: size, unit: "bytes" }),
  );
  const archive = unpackedThere
    ? packed
    : Readable.from(decompress(packed, { env, signal }), { objectMode: false });
  try {
    return await forPlatform(
      platform,
      async () => await loadImages(engine, archive, { platform, listener: context, signal }),
    );
  } catch (error) {
    const ofTheArchive = error instanceof DockerError && error.problem.code === "engine/stream-error";
    throw ofTheArchive ? blame(error, "file") : error;
  }
}

/** The same bytes, counted as they pass. */
function counted(source: Readable, count: (bytes: number) => void): Readable {
  let bytes = 0;
  const counter = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      count(bytes);
      done(null, chunk);
    },
  });
  source.once("error", (error) => counter.destroy(error));
  counter.once("close", () => source.destroy());
  return source.pipe(counter);
}

async function outputsOf(engine: Engine, names: readonly string[], signal: AbortSignal): Promise<Outputs> {
  const [reference = ""] = names;
  const image = await inspectImage(engine, reference, signal);
  if (!image) {
    throw new RecipeError({
      code: "image/missing",
      message: `the archive was loaded, and the engine has no image ${reference}`,
    });
  }
  const digest = repoDigest(image, reference) ?? "";
  return { "image-id": image.Id, digest, image: reference, reference, images: names.join("\n") };
}

async function uninstall(context: UninstallContext): Promise<void> {
  await removeAllBrought(context, await engineOf(context));
}
