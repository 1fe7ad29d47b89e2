/** From archives to a builder. */
import {
  bindText,
  inspectContainer,
  inspectImage,
  removeContainer,
  tagImage,
  type Engine,
  type ImageDetails,
} from "tsbuildout/docker";
import { RecipeError, type InstallContext, type OptionsOf, type PartRecord } from "tsbuildout/recipe";
import type { BootstrapSchema } from "./bootstrap-options.js";
import { engineOf, forgetListing, isOurs, labelsOf } from "./common.js";
import { fetchArchives } from "./gentoo-archives.js";
import { needPlatform } from "./gentoo-binfmt.js";
import { commitBody, commitWork, type BaseConfig } from "./gentoo-commit.js";
import { runScript, type Work } from "./gentoo-exec.js";
import {
  announceImage,
  announceOwn,
  commentOf,
  dropImage,
  dropLeft,
  dropOthers,
  removalAt,
  temporaryName,
} from "./gentoo-image.js";
import { ARCHIVES_LABEL, archivesDigest, importImage } from "./gentoo-import.js";
import { putLayout } from "./gentoo-inputs.js";
import { environmentOf, imageName } from "./gentoo-options.js";
import { createWork, makeRoom, removeWork, renameWork, rightsConfig, startWork } from "./gentoo-work.js";
import { noteReplaced } from "./image-remove.js";
import { defined } from "./spec-options.js";

type Installing = InstallContext<BootstrapSchema>;

export function referenceOf({
  image,
  tag,
}: {
  readonly image: string;
  readonly tag?: string | undefined;
}): string {
  return imageName(image, tag);
}

/** `dockeroo/builder` -> `dockeroo_builder_bootstrap`. */
export function containerName({
  image,
}: {
  readonly image: string;
  readonly tag?: string | undefined;
}): string {
  const name = image.replace(/:[\w.-]+$/, "").replaceAll(/[^\w.-]+/g, "_");
  return `${name.replace(/^[^a-zA-Z0-9]+/, "")}_bootstrap`;
}

/** What the container is made of, and what has to go when all is done. */
interface Base {
  readonly image: ImageDetails;
  /** A name only for the time until the image has its own. */
  readonly temporary?: string;
  readonly stages: string;
}

/**
 * Everything from the archives to the image; what there was before is replaced only at the end.
 * @param record of what there was before
 */
export async function bringUp(
  context: Installing,
  record: PartRecord | undefined,
): Promise<Record<string, string>> {
  const engine = await engineOf(context);
  const reference = referenceOf(context.options);
  const name = context.options.container ?? containerName(context.options);
  const { commit } = context.options;
  // With a record there may be a container of the name, which stays until the new one can take its place.
  const work: Work = { engine, name: record && !commit ? `${name}.new` : name };
  await makeRoom(context, work);
  const base = await prepareBase(context, engine, reference);
  try {
    await prepareContainer(context, work, base.image);
    const replaced = await noteReplaced(context, removalAt(engine, record), { record, names: [reference] });
    const id = commit
      ? await commitImage(context, work, { reference, base: base.image })
      : await nameImage(context, engine, { reference, base });
    const container = commit ? "" : await keepContainer(context, work, name);
    if (commit) await removeWork(context, work);
    if (base.temporary) await dropImage(context, engine, base.temporary);
    await dropOthers(context, engine, { replaced, now: id });
    await forgetListing(context, engine, "containers");
    return { "image-id": id, "container-id": container, stages: base.stages };
  } catch (error) {
    // A failed install is undone by the engine, unless the user wants to look at what is left of it.
    if (record) await removeWork(context, work);
    if (record && base.temporary) await dropImage(context, engine, base.temporary);
    throw error;
  }
}

async function prepareBase(context: Installing, engine: Engine, reference: string): Promise<Base> {
  const { archives, platform } = context.options;
  const temporary = temporaryName(context, reference);
  await dropLeft(context, engine, temporary);
  const there = await inspectImage(engine, reference, context.signal);
  if (archives.length === 0) {
    if (there) return { image: there, stages: "" };
    throw new RecipeError({
      code: "image/missing",
      message: `there is no image ${reference} on the engine, and no archives to make it of`,
      help: ["set archives, or make the image by another part"],
      option: "image",
    });
  }
  const fetched = await fetchArchives(context, archives, context.options["archives-key"]);
  const digest = archivesDigest(archives, fetched);
  const stages = fetched.map(({ url }) => url).join("\n");
  const same = there?.Config?.Labels?.[ARCHIVES_LABEL] === digest && isOurs(there.Config.Labels, context);
  if (there && same) {
    context.log(`image ${reference} is of the same archives: going on with it`, "note");
    return { image: there, stages };
  }
  await announceImage(context, temporary);
  const labels = { [ARCHIVES_LABEL]: digest, ...labelsOf(context) };
  try {
    const id = await importImage(context, {
      engine,
      archives: fetched,
      reference: temporary,
      labels,
      platform,
    });
    const image = await inspectImage(engine, id, context.signal);
    if (!image) throw new Error(`the engine lost the image ${id}`);
    return { image, temporary, stages };
  } catch (error) {
    await dropImage(context, engine, temporary);
    throw error;
  }
}

async function prepareContainer(context: Installing, work: Work, base: ImageDetails): Promise<void> {
  const { options } = context;
  await createWork(context, work.engine, {
    name: work.name,
    image: base.Id,
    imageOption: "archives",
    command: options.command,
    tty: options.tty,
    arch: options.platform?.arch,
    env: environmentOf(options.env, context.env),
    host: hostConfig(options),
  });
  await putLayout(context, work, { layout: options.layout, uid: 0, gid: 0 });
  await startWork(context, work);
  const foreign = options["crossdev-platform"];
  if (foreign)
    await needPlatform(context, {
      engine: work.engine,
      platform: foreign,
      option: "crossdev-platform",
      image: base.Id,
      rights: options,
    });
  await runScript(context, work, {
    option: "script",
    text: options.script,
    shell: options["script-shell"],
    user: options["script-user"],
  });
}

function hostConfig(options: OptionsOf<BootstrapSchema>): Record<string, unknown> {
  const binds = options.volumes.flatMap((volume) => (volume.kind === "anonymous" ? [] : [bindText(volume)]));
  const from = options["volumes-from"];
  return {
    ...rightsConfig(options),
    ...defined({
      Binds: binds.length > 0 ? binds : undefined,
      VolumesFrom: from.length > 0 ? from : undefined,
    }),
  };
}

interface Committing {
  readonly reference: string;
  readonly base: ImageDetails;
}

/** The image runs what kept the container running, as the container did. */
async function commitImage(
  context: Installing,
  work: Work,
  { reference, base }: Committing,
): Promise<string> {
  context.progress({ step: "commit" });
  await announceOwn(context, work.engine, { reference, option: "image" });
  const label = base.Config?.Labels?.[ARCHIVES_LABEL];
  const body = commitBody(
    {
      command: context.options.command,
      env: environmentOf(context.options.env, context.env),
      labels: { ...(label ? { [ARCHIVES_LABEL]: label } : {}), ...labelsOf(context) },
      expose: [],
      volumes: [],
    },
    (base.Config ?? {}) as BaseConfig,
  );
  return await commitWork(work, { reference, body, comment: commentOf(context), signal: context.signal });
}

async function nameImage(
  context: Installing,
  engine: Engine,
  { reference, base }: { readonly reference: string; readonly base: Base },
): Promise<string> {
  if (!base.temporary) {
    // An image that was there is this part's only if this part made it.
    if (isOurs(base.image.Config?.Labels, context)) await announceImage(context, reference);
    return base.image.Id;
  }
  await announceOwn(context, engine, { reference, option: "image" });
  await tagImage(engine, base.image.Id, reference, context.signal);
  return base.image.Id;
}

/** Puts the new container into the place of the old one. -> its id */
async function keepContainer(context: Installing, work: Work, name: string): Promise<string> {
  if (work.name !== name) {
    const old = await inspectContainer({ engine: work.engine }, name);
    if (old && isOurs(old.Config.Labels, context)) await removeContainer({ engine: work.engine }, name);
    await renameWork(context, work, name);
  }
  const { engine } = work;
  return (await inspectContainer({ engine, signal: context.signal }, name))?.Id ?? "";
}
