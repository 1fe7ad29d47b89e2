import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { findImage, imageKey, inspectImage, prematureEnd, saveImages, type Engine } from "tsbuildout/docker";
import {
  defineRecipe,
  option,
  RecipeError,
  type ConfigureContext,
  type Drift,
  type InstallContext,
  type LookContext,
  type OptionsOf,
  type Outputs,
  type PartRecord,
} from "tsbuildout/recipe";
import { referencesOf } from "./build-names.js";
import { configureEngine, engineOf, engineOptions, listing, problemsOf } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { forPlatform, platformFor } from "./image-platform.js";
import { writeWhole } from "./own-file.js";

const inPlace = true;

export const saveOptions = {
  ...engineOptions,
  name: option.string({
    doc: "The image to save. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    aliases: ["image"],
    inPlace,
  }),
  tag: option.string({ doc: "Its tag. Default: the one in the name, else `latest`.", inPlace }),
  images: option.words({ doc: "Further images that go into the same archive.", inPlace }),
  platform: option.string({
    doc: "Save the images for this platform alone, of several that the engine has (engine 28 with containerd's image store).",
    inPlace,
  }),
  file: option.path({
    doc: "The archive that is written; packed by gzip where its name ends in `.gz` or `.tgz`. It appears when it is whole, and goes when the part goes.",
    required: true,
    aliases: ["path", "archive", "output"],
  }),
};

export default defineRecipe({
  doc: "Saves images to an archive, for `docker load` or docker.load. It is written anew when an image has changed.",
  options: saveOptions,
  outputs: {
    file: { doc: "The archive's path." },
    "image-id": { doc: "The image's id." },
    size: { doc: "The archive's size in bytes." },
    digest: { doc: "The digest of the archive, `sha256:…`." },
  },
  configure: async (context) => {
    configureEngine(context);
    const { file } = context.options;
    if (file) {
      context.provides(`file:${file}`);
      await refuseTwice(context, file);
    }
    if (["name", "tag", "images"].some((name) => context.unknown.has(name))) return;
    problemsOf(context, () => {
      for (const reference of savedImages(context.options as Options))
        context.uses(imageKey(reference), `it saves ${reference}`);
    });
  },
  inputs: async (context) => {
    const images = await listing(context, await engineOf(context), "images");
    const ids = savedImages(context.options).map((name) => [
      `image ${name}`,
      findImage(images, name)?.Id ?? "absent",
    ]);
    return Object.fromEntries(ids) as Record<string, string>;
  },
  check: async (context) => await refuseDeadEnd(context),
  look,
  install: save,
  update: save,
});

/** Whose images are in the archive in the end would be a matter of chance. Engines do not count: the file is here. */
async function refuseTwice(context: ConfigureContext<typeof saveOptions>, file: string): Promise<void> {
  const writers = await context.shared("files that parts save to", () => new Map<string, string>());
  const other = writers.get(file) ?? context.part;
  writers.set(file, other);
  if (other === context.part) return;
  context.fail({
    code: "image/file-twice",
    message: `${file} is written by the part ${other}, too`,
    help: ["give one of them another file; several images go into one archive by the option images"],
    option: "file",
  });
}

type Options = OptionsOf<typeof saveOptions>;
type Install = InstallContext<typeof saveOptions>;

function savedImages({ name, tag, images }: Options): string[] {
  const others = images.flatMap((image) => referencesOf({ name: image, digests: true }));
  return [...new Set([...referencesOf({ name, tag, digests: true }), ...others])];
}

/** An archive that is gone is written again; what is made from it stays meanwhile. */
async function look({ records, buildout }: LookContext): Promise<Map<string, readonly Drift[]>> {
  const found = new Map<string, readonly Drift[]>();
  for (const record of records) {
    const drift = await fileDrift(record, buildout.directory);
    if (drift) found.set(record.part, [drift]);
  }
  return found;
}

async function fileDrift({ outputs, resources }: PartRecord, directory: string): Promise<Drift | undefined> {
  const { file = "", size } = outputs;
  const there = await stat(file).catch(() => undefined);
  if (!there) {
    const own = resources.find(({ kind, name }) => kind === "file" && resolve(directory, name) === file);
    return { kind: "missing", message: `file ${file} is gone`, ...(own && { file: own.name }) };
  }
  return String(there.size) === size
    ? undefined
    : { kind: "changed", message: `file ${file} has another size now` };
}

async function save(context: Install): Promise<Outputs> {
  const engine = await engineOf(context);
  const { file } = context.options;
  const images = savedImages(context.options);
  const found = await present(context, engine, images);
  const write = async (path: string) => await fill(context, { engine, images, path });
  const { size, digest } = await writeWhole(context, file, write).catch((error: unknown) => {
    throw unwritable(error, file);
  });
  return { file, "image-id": found, size: String(size), digest };
}

/** @returns the id of the first image @throws a problem where one is missing: the engine would say so in the middle */
async function present(context: Install, engine: Engine, images: readonly string[]): Promise<string> {
  const ids: string[] = [];
  for (const name of images) {
    const image = await inspectImage(engine, name, context.signal);
    if (!image)
      throw new RecipeError({
        code: "image/missing",
        message: `the engine has no image ${name}`,
        option: ids.length === 0 ? "name" : "images",
      });
    ids.push(image.Id);
  }
  return ids[0] ?? "";
}

interface Written {
  readonly size: number;
  readonly digest: string;
}

function unwritable(error: unknown, file: string): unknown {
  if (!(error instanceof Error && "syscall" in error)) return error;
  const message = `cannot write ${file}`;
  return new RecipeError(
    { code: "image/unwritable", message, notes: [error.message], option: "file" },
    { cause: error },
  );
}

interface Filling {
  readonly engine: Engine;
  readonly images: readonly string[];
  readonly path: string;
}

async function fill(context: Install, { engine, images, path }: Filling): Promise<Written> {
  const { file } = context.options;
  const { signal } = context;
  const platform = platformFor(context, engine, "1.48");
  const hash = createHash("sha256");
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      context.progress({ step: `saving ${file}`, current: size, unit: "bytes" });
      done(null, chunk);
    },
  });
  try {
    const archive = await forPlatform(
      platform,
      async () => await saveImages(engine, images, { platform, signal }),
    );
    // Opened before: a stream of its own may make the file after it has failed, when it has been taken away already.
    const output = await open(path, "w").catch((error: unknown) => {
      archive.destroy();
      throw error;
    });
    const packed = /\.t?gz$/i.test(file) ? [createGzip()] : [];
    await pipeline([archive, ...packed, meter, output.createWriteStream({ flush: true })], { signal });
    return { size, digest: `sha256:${hash.digest("hex")}` };
  } catch (error) {
    signal.throwIfAborted();
    throw prematureEnd(error);
  }
}
