/** The images that the Gentoo recipes make: their names, what they are taken from, how they go. */
import {
  familiarReference,
  findImage,
  inspectContainer,
  inspectImage,
  ownComment,
  listAll,
  parseReference,
  removeContainer,
  tagsOf,
  type Engine,
} from "tsbuildout/docker";
import type {
  Context,
  Drift,
  InstallContext,
  LookContext,
  PartRecord,
  Schema,
  UninstallContext,
} from "tsbuildout/recipe";
import {
  BUILDOUT_LABEL,
  engineOf,
  engineOfRecord,
  forgetListing,
  isOurs,
  labelsOf,
  listing,
  ownerDigest,
} from "./common.js";
import { idsIn, madeBy, nameTaken, namesOf } from "./image-look.js";
import { dropReplaced, removeOurImage, removeReplaced, removeUnused, type Removal } from "./image-remove.js";
import type { Sharing } from "./image-share.js";

type Host = InstallContext<Schema>;

/** A name beside the image's own for what is on its way to become it: that one is only moved when all is done. */
export function temporaryName(context: Pick<Context, "part" | "buildout">, reference: string): string {
  const { digest: _digest, ...named } = parseReference(reference);
  return familiarReference({ ...named, tag: `tsbuildout-${ownerDigest(context).slice(0, 12)}` });
}

/** On every image that is imported or committed. Unlike a label it is not handed down to images made from it. */
export function commentOf({ buildout, part }: Pick<Context, "part" | "buildout">): string {
  return `tsbuildout ${buildout.id} ${part}`;
}

/** Labels an image that is built for a moment, where nothing can comment on it: no other is ever made from it. */
export const THROWAWAY = "org.tsbuildout.throwaway";

/** Names an image that is about to be made, so that no crash can lose it. */
export async function announceImage(context: Host, reference: string): Promise<void> {
  await context.created({ kind: "image", name: reference });
}

/** The same of the image's own name. Who loses the last name of an image of theirs to it must know. */
export async function announceOwn(
  context: Host,
  engine: Engine,
  { reference, option }: { readonly reference: string; readonly option: string },
): Promise<void> {
  const there = await inspectImage(engine, reference, context.signal);
  if (there && tagsOf(there).length < 2 && !there.Config?.Labels?.[BUILDOUT_LABEL])
    context.warn(nameTaken(reference, there.Id, option));
  await announceImage(context, reference);
}

/** Takes away what a run that was killed left under a name: with the name's next image it would have none at all. */
export async function dropLeft(context: Host, engine: Engine, name: string): Promise<void> {
  const left = await inspectImage(engine, name, context.signal);
  if (left && isOurs(left.Config?.Labels, context)) await dropImage(context, engine, name);
}

/** Takes a name away again and, if it was the image's last, the image. */
export async function dropImage(context: Host, engine: Engine, reference: string): Promise<void> {
  if (await removeUnused(engine, reference)) await context.removed({ kind: "image", name: reference });
}

/** Removes replaced images that have no other name and that nobody uses. @param now the image that has taken their place */
export async function dropOthers(
  context: Host,
  engine: Engine,
  { replaced, now }: { readonly replaced: ReadonlySet<string>; readonly now: string },
): Promise<void> {
  await forgetListing(context, engine, "images");
  await dropReplaced(context, removalAt(engine), { replaced, now: new Set([now]) });
  await dropNameless(context, engine, now);
}

/** With the image goes what it was imported as: that has no name any more, and is below it. */
export const removalAt = (engine: Engine, record?: PartRecord): Removal => ({
  engine,
  bases: new Set(),
  made: madeBy(record),
});

/**
 * Removes what this part made and nobody knows by a name or id: an engine goes on with an import or a commit when the run
 * that asked for it is killed, and what it makes loses its name to that of the next run; a build may end between its last
 * step and the name. @param now what stays
 */
async function dropNameless(context: Sharing, engine: Engine, now?: string): Promise<void> {
  const label = Object.entries(labelsOf(context)).map(([name, value]) => `${name}=${value}`);
  const filters = { dangling: ["true"], label };
  for (const { Id, Labels } of await listAll(engine, "images", { filters, signal: context.signal })) {
    if (Id === now) continue;
    const own =
      Labels?.[THROWAWAY] !== undefined ||
      (await ownComment(engine, Id, context.signal)) === commentOf(context);
    if (own) await removeReplaced(context, removalAt(engine), Id);
  }
}

/** Removes what is recorded and still this part's: containers first, then images. What is gone is no error. */
export async function removeRecorded(
  context: UninstallContext,
  beforeRemoval: (engine: Engine, container: string) => Promise<void> = async () => {},
): Promise<void> {
  const engine = await engineOf(context);
  const call = { engine, signal: context.signal };
  const named = (kind: string) =>
    context.record.resources.filter((one) => one.kind === kind).map(({ name }) => name);
  for (const name of named("container")) {
    const found = await inspectContainer(call, name);
    if (!found || !isOurs(found.Config.Labels, context)) continue;
    if (found.State.Running) await beforeRemoval(engine, name);
    await removeContainer(call, name);
    await forgetListing(context, engine, "containers");
  }
  const removal = removalAt(engine, context.record);
  for (const name of namesOf(context.record)) await removeOurImage(context, name, removal);
  for (const id of idsIn(context.record)) await removeReplaced(context, removal, id);
  await forgetListing(context, engine, "images");
  await dropNameless(context, engine);
}

/** What is missing or other than recorded, by lists that all parts share. */
export async function lookAtWork(
  context: LookContext,
  expected: (record: PartRecord) => { readonly image: string; readonly container?: string },
): Promise<Map<string, Drift[]>> {
  const found = new Map<string, Drift[]>();
  for (const record of context.records) {
    const engine = await engineOfRecord(context, record);
    const { image, container } = expected(record);
    const drift = [
      ...imageDrift(image, findImage(await listing(context, engine, "images"), image), record, context),
      ...(container ? containerDrift(container, await listing(context, engine, "containers")) : []),
    ];
    if (drift.length > 0) found.set(record.part, drift);
  }
  return found;
}

function imageDrift(
  name: string,
  image: { readonly Labels?: Readonly<Record<string, string>> | null } | undefined,
  record: PartRecord,
  context: LookContext,
): Drift[] {
  if (!image) return [{ kind: "missing", message: `image ${name} is gone` }];
  if (isOurs(image.Labels, { part: record.part, buildout: context.buildout })) return [];
  return record.resources.some((one) => one.kind === "image" && one.name === name)
    ? [{ kind: "changed", message: `image ${name} is another one than this part made` }]
    : [];
}

function containerDrift(
  name: string,
  containers: readonly { readonly Names?: readonly string[] | null; readonly State: string }[],
): Drift[] {
  const is = containers.find(({ Names }) => Names?.includes(`/${name}`));
  if (!is) return [{ kind: "missing", message: `container ${name} is gone` }];
  return is.State === "running" ? [] : [{ kind: "stopped", message: `container ${name} is ${is.State}` }];
}

/** Ids of images by option, as inputs: a builder that was made anew makes everything anew that is built with it. */
export async function imageInputs(
  context: Omit<Context, "part">,
  engine: Engine,
  images: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const inputs: Record<string, string> = {};
  for (const [option, image] of Object.entries(images)) {
    if (!image) continue;
    inputs[option] = findImage(await listing(context, engine, "images"), image)?.Id ?? "";
  }
  return inputs;
}
