/** The images that the Gentoo recipes make: their names, what they are taken from, how they go. */
import { createHash } from "node:crypto";
import {
  familiarReference,
  findImage,
  inspectContainer,
  inspectImage,
  listAll,
  parseReference,
  removeContainer,
  removeImage,
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
import { engineOf, engineOfRecord, forgetListing, isOurs, labelsOf, listing } from "./common.js";

type Host = InstallContext<Schema>;

/** A name beside the image's own for what is on its way to become it: that one is only moved when all is done. */
export function temporaryName(context: Pick<Context, "part" | "buildout">, reference: string): string {
  const { digest: _digest, ...named } = parseReference(reference);
  const owner = createHash("sha256")
    .update(`${context.buildout.id}\n${context.part}`)
    .digest("hex")
    .slice(0, 12);
  return familiarReference({ ...named, tag: `tsbuildout-${owner}` });
}

/** On every image that is imported or committed. Unlike a label it is not handed down to images made from it. */
export function commentOf({ buildout, part }: Pick<Context, "part" | "buildout">): string {
  return `tsbuildout ${buildout.id} ${part}`;
}

/** Names an image that is about to be made, so that no crash can lose it. */
export async function announceImage(context: Host, reference: string): Promise<void> {
  await context.created({ kind: "image", name: reference });
}

/** Takes away what a run that was killed left under a name: with the name's next image it would have none at all. */
export async function dropLeft(context: Host, engine: Engine, name: string): Promise<void> {
  const left = await inspectImage(engine, name, context.signal);
  if (left && isOurs(left.Config?.Labels, context)) await dropImage(context, engine, name);
}

/**
 * The ids of images that a name meant or is about to leave, in this run or one that was killed. The last is recorded by its
 * id as well, since its name is all that it was known by.
 */
export async function noteReplaced(
  context: Host,
  engine: Engine,
  { record, reference }: { readonly record: PartRecord | undefined; readonly reference: string },
): Promise<ReadonlySet<string>> {
  const recorded = record?.resources.filter(({ kind }) => kind === "image").map(({ name }) => name) ?? [];
  const ids = new Set(recorded.filter(isId));
  const before = record?.outputs["image-id"];
  if (before) ids.add(before);
  const there = await inspectImage(engine, reference, context.signal);
  if (!there || !isOurs(there.Config?.Labels, context)) return ids;
  await announceImage(context, there.Id);
  return ids.add(there.Id);
}

const isId = (name: string): boolean => name.startsWith("sha256:");

/** Takes a name away again and, if it was the image's last, the image. */
export async function dropImage(context: Host, engine: Engine, reference: string): Promise<void> {
  if (await removeUnused(engine, reference)) await context.removed({ kind: "image", name: reference });
}

/** @returns false for an image that something on the engine still needs: it stays, and stays recorded */
async function removeUnused(engine: Engine, reference: string): Promise<boolean> {
  try {
    await removeImage(engine, reference);
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 409) return false;
    throw error;
  }
}

/** Removes replaced images that have no other name and that nobody uses. */
export async function dropReplaced(
  context: Host,
  engine: Engine,
  { replaced, now }: { readonly replaced: ReadonlySet<string>; readonly now: string },
): Promise<void> {
  await forgetListing(context, engine, "images");
  for (const id of replaced) {
    const nameless = id !== now && (await isNamelessOurs(context, engine, id));
    if (!nameless || (await removeUnused(engine, id))) await context.removed({ kind: "image", name: id });
  }
  await dropNameless(context, engine, now);
}

/**
 * Removes what this part made and nobody knows by a name or id: an engine goes on with an import or a commit when the run
 * that asked for it is killed, and what it makes loses its name to that of the next run. @param now what stays
 */
async function dropNameless(
  context: Pick<Context, "part" | "buildout" | "signal">,
  engine: Engine,
  now?: string,
): Promise<void> {
  const label = Object.entries(labelsOf(context)).map(([name, value]) => `${name}=${value}`);
  const filters = { dangling: ["true"], label };
  for (const { Id } of await listAll(engine, "images", { filters, signal: context.signal })) {
    if (Id === now) continue;
    const found = await inspectImage(engine, Id, context.signal);
    if (found?.Comment === commentOf(context)) await removeUnused(engine, Id);
  }
}

async function isNamelessOurs(
  context: Pick<Context, "part" | "buildout">,
  engine: Engine,
  id: string,
): Promise<boolean> {
  const found = await inspectImage(engine, id);
  return !!found && (found.RepoTags ?? []).length === 0 && isOurs(found.Config?.Labels, context);
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
  const images = named("image");
  for (const name of images.filter((one) => !isId(one))) {
    const found = await inspectImage(engine, name, context.signal);
    if (!found || !isOurs(found.Config?.Labels, context)) continue;
    await removeImage(engine, name, { signal: context.signal });
    await forgetListing(context, engine, "images");
  }
  // Known by its id is what lost its name; with one it is something else by now.
  for (const id of images.filter(isId))
    if (await isNamelessOurs(context, engine, id)) await removeUnused(engine, id);
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
