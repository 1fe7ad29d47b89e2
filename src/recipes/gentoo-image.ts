/** The images that the Gentoo recipes make: their names, what they are taken from, how they go. */
import { createHash } from "node:crypto";
import {
  familiarReference,
  findImage,
  inspectContainer,
  inspectImage,
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
import { engineOf, engineOfRecord, forgetListing, isOurs, listing } from "./common.js";

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

/** Names an image that was made in this run, so that no crash can lose it. */
export async function announceImage(context: Host, reference: string): Promise<void> {
  await context.created({ kind: "image", name: reference });
}

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

/** Removes the image that a part's name meant before, if it was the part's and nobody uses it. */
export async function dropReplaced(
  context: Host,
  engine: Engine,
  { before, now }: { readonly before: string | undefined; readonly now: string },
): Promise<void> {
  await forgetListing(context, engine, "images");
  if (!before || before === now) return;
  const found = await inspectImage(engine, before);
  if (!found || (found.RepoTags ?? []).length > 0 || !isOurs(found.Config?.Labels, context)) return;
  await removeUnused(engine, before);
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
  for (const name of named("image")) {
    const found = await inspectImage(engine, name, context.signal);
    if (!found || !isOurs(found.Config?.Labels, context)) continue;
    await removeImage(engine, name, { signal: context.signal });
    await forgetListing(context, engine, "images");
  }
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
