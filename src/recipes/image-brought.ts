/** Images that a part brought to the engine without making them: pulled or loaded. They have no labels of ours. */
import {
  findImage,
  inspectImage,
  removeImage,
  type Engine,
  type ImageDetails,
  type ImageSummary,
} from "tsbuildout/docker";
import type { Drift, InstallContext, PartRecord, Schema, UninstallContext } from "tsbuildout/recipe";
import { heldBefore, heldByDigest, losesWith } from "./image-held.js";
import { idsIn, imagesByName, namesOf } from "./image-look.js";
import { dropReplaced, removeReplaced } from "./image-remove.js";
import {
  digestsOfOthers,
  otherBringing,
  otherWith,
  staysForAnother,
  type NamedImage,
  type Sharing,
} from "./image-share.js";

/** Drift of parts whose output `reference` names their image, by part. */
export function broughtDrift(
  images: readonly ImageSummary[],
  records: readonly PartRecord[],
): Map<string, readonly Drift[]> {
  const found = new Map<string, readonly Drift[]>();
  for (const record of records) {
    const reference = record.outputs["reference"];
    const names = new Set([...(reference ? [reference] : []), ...namesOf(record)]);
    const drift = [...names].flatMap((name): Drift[] => {
      const image = findImage(images, name);
      if (!image) return [{ kind: "missing", message: `image ${name} is gone` }];
      const known = name === reference ? record.outputs["image-id"] : undefined;
      return !known || image.Id === known || hasDigest(image, record.outputs["digest"])
        ? []
        : [{ kind: "changed", message: `image ${name} is another image now` }];
    });
    if (drift.length > 0) found.set(record.part, drift);
  }
  return found;
}

/** An engine with another image store has other ids for what a registry gave it. */
function hasDigest({ RepoDigests }: ImageSummary, digest: string | undefined): boolean {
  return Boolean(digest) && (RepoDigests ?? []).some((name) => name.endsWith(`@${digest}`));
}

/** Images by the names that the engine was asked for. */
export type Found = ReadonlyMap<string, ImageDetails>;

/**
 * Brings images to names, and records which are this part's: those that had nothing before, and those that had what this
 * part brought the last time, or what another part of the buildout did. What loses its last name to that goes; a name that
 * somebody else has put another image under is theirs from then on.
 * @param bring is told what was there before
 * @returns this part's images
 */
export async function bringTo(
  context: InstallContext<Schema>,
  engine: Engine,
  { names, bring }: { readonly names: readonly string[]; readonly bring: (before: Found) => Promise<void> },
): Promise<Found> {
  const known = imagesByName(context.record);
  const replaced = new Set(idsIn(context.record));
  const before = new Map<string, ImageDetails>();
  const brought = new Map<string, ImageDetails>();
  const mine: string[] = [];
  const held = new Map<string, ReadonlyMap<string, string>>();
  for (const name of names) {
    const there = await inspectImage(engine, name, context.signal);
    const was = there && known.has(name) && [undefined, there.Id].includes(known.get(name));
    if (!there || was || isShared(context, { name, id: there.Id })) mine.push(name);
    else if (known.has(name)) await context.removed({ kind: "image", name });
    if (was && !isHeld(context, name, there)) replaced.add(there.Id);
    if (there) {
      before.set(name, there);
      continue;
    }
    held.set(name, await heldByDigest(engine, name, context.signal));
    await context.created({ kind: "image", name });
  }
  for (const name of replaced) await context.created({ kind: "image", name });
  const bringNow = async (): Promise<void> => await bring(before);
  await bringAndNote(context, bringNow, async (signal) => {
    for (const name of mine) {
      const image = await inspectImage(engine, name, signal);
      if (!image) await context.removed({ kind: "image", name });
      else {
        const digest = held.get(name)?.get(image.Id) ?? heldBefore(context.record, name);
        await context.created({ kind: "image", name, id: image.Id, ...(digest && { held: digest }) });
        brought.set(name, image);
      }
    }
  });
  const now = new Set(Array.from(brought.values(), ({ Id }) => Id));
  await dropReplaced(context, { engine }, { replaced, now });
  return brought;
}

function isShared(context: Sharing, image: NamedImage): boolean {
  const other = image.name.includes("@") ? otherBringing(context, image) : otherWith(context, image);
  return other !== undefined;
}

/** Whether somebody has the image by a digest, which is a name, too: before the part brought its tag, or another part. */
function isHeld(context: Sharing, tag: string, image: ImageDetails): boolean {
  const held = heldBefore(context.record, tag);
  return (
    (held !== undefined && (image.RepoDigests ?? []).includes(held)) ||
    digestsOfOthers(context, image).length > 0
  );
}

/** So long an engine has to tell what has come of a failure, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Brings images and notes which have come: also where that fails, or else what somebody puts under their names later would
 * be taken for them.
 */
export async function bringAndNote(
  { signal }: { readonly signal: AbortSignal },
  bring: () => Promise<void>,
  note: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await bring();
  } catch (error) {
    // The run's own signal may be why it failed.
    await note(AbortSignal.timeout(PATIENCE)).catch(() => undefined);
    throw error;
  }
  await note(signal);
}

interface Tag {
  readonly name: string;
  /** Of the image that was brought, where that is known. */
  readonly id: string | undefined;
}

/**
 * Takes a tag that the part brought, and the image with its last tag; a tag that is on another image by now stays, and so
 * does one that another part has, and one with which somebody else would lose the image.
 * @returns whether it is the part's no more; else it stays for somebody else's sake
 * @throws a problem `image/in-use`
 */
export async function removeBrought(context: Sharing, engine: Engine, { name, id }: Tag): Promise<boolean> {
  const image = await inspectImage(engine, name, context.signal);
  if (!image) return true;
  if (id && image.Id !== id) {
    context.log(`image ${name} is another one now: left as it is`, "note");
    return true;
  }
  if (staysForAnother(context, { name, id: image.Id })) return true;
  if (name.includes("@") && otherBringing(context, { name, id: image.Id }) !== undefined) return true;
  const before = heldBefore(context.record, name);
  const others = engine.libpod ? [] : digestsOfOthers(context, image);
  const held = [...(before ? [before] : []), ...others].find((digest) => losesWith(image, name, digest));
  if (held) {
    const whose = held === before ? "which was there before" : "which another part has";
    context.log(`image ${name} stays: the engine would take ${held} with it, ${whose}`, "note");
    return false;
  }
  await removeImage(engine, name, { noPrune: true, signal: context.signal });
  return true;
}

/** Takes away all that a part has brought: its names, and what has lost them. */
export async function removeAllBrought(context: UninstallContext, engine: Engine): Promise<void> {
  for (const [name, id] of imagesByName(context.record)) await removeBrought(context, engine, { name, id });
  for (const id of idsIn(context.record)) await removeReplaced(context, { engine }, id);
}
