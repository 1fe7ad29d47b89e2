import {
  familiarName,
  familiarReference,
  inspectImage,
  listAll,
  parseReference,
  pullAllTags,
  tagsOf,
  type Engine,
  type ImageSummary,
} from "tsbuildout/docker";
import type { InstallContext, UninstallContext } from "tsbuildout/recipe";
import { bringAndNote, bringTo, removeBrought } from "./image-brought.js";
import { heldByDigest } from "./image-held.js";
import { namesOf } from "./image-look.js";
import { otherWith } from "./image-share.js";
import { loginFor } from "./login.js";
import type { pullOptions } from "./pull-policy.js";

/** The kind of resource that stands for all tags of a repository while they are being pulled. */
const REPOSITORY = "repository";

/**
 * Pulls all tags of a repository. Which ones there are is known only afterwards; until then what was there before is
 * recorded, so that an undone pull takes away the rest.
 */
export async function bringAllTags(
  context: InstallContext<typeof pullOptions>,
  engine: Engine,
  reference: string,
): Promise<void> {
  const { tag: _tag, ...repository } = parseReference(reference);
  const name = familiarReference(repository);
  const before = await tagsAt(engine, name, context.signal);
  const held = await heldByDigest(engine, name, context.signal);
  const resource = { kind: REPOSITORY, name, before: before.join(" ") };
  await context.created(resource);
  const { options, signal } = context;
  const bring = async () => {
    const credentials = await loginFor(context, name, options);
    const { platform } = options;
    await pullAllTags(engine, { reference: name, credentials, platform, listener: context, signal });
  };
  const bringTags = async () =>
    void (await bringTo(context, engine, { names: namesOf(context.record), bring }));
  await bringAndNote(context, bringTags, async (until) => {
    for (const one of await tagsAt(engine, name, until)) {
      const id = (await inspectImage(engine, one, until))?.Id;
      if (!id || (before.includes(one) && !otherWith(context, { name: one, id }))) continue;
      const digest = held.get(id);
      await context.created({ kind: "image", name: one, id, ...(digest && { held: digest }) });
    }
    await context.removed(resource);
  });
}

/** Takes away what a cut-off pull of all tags has brought. */
export async function removeAllTags(context: UninstallContext, engine: Engine): Promise<void> {
  for (const { kind, name, before = "" } of context.record.resources) {
    if (kind !== REPOSITORY) continue;
    const kept = new Set(before.split(" "));
    for (const tag of await tagsAt(engine, name, context.signal))
      if (!kept.has(tag)) await removeBrought(context, engine, { name: tag, id: undefined });
  }
}

/** The references that the engine has of a repository. */
export async function tagsAt(engine: Engine, repository: string, signal: AbortSignal): Promise<string[]> {
  return [...tagsAmong(await listAll(engine, "images", { signal }), repository).keys()];
}

/** The references of a repository, with the ids of their images. */
export function tagsAmong(images: readonly ImageSummary[], repository: string): Map<string, string> {
  const found = new Map<string, string>();
  // Some engines list names by a digest among the tags.
  for (const image of images)
    for (const reference of tagsOf(image).map(parseReference))
      if (reference.digest === undefined && familiarName(reference) === repository)
        found.set(familiarReference(reference), image.Id);
  return found;
}
