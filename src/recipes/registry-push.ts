import {
  inspectImage,
  pushImage,
  removeImage,
  tagImage,
  tagsOf,
  unlessAborted,
  type Credentials,
  type Engine,
  type ImageDetails,
} from "tsbuildout/docker";
import {
  type InstallContext,
  type PartRecord,
  type Problem,
  type Resource,
  type Schema,
} from "tsbuildout/recipe";

type Installing = Pick<
  InstallContext<Schema>,
  "created" | "removed" | "log" | "progress" | "shared" | "signal"
>;

export interface PushUnder {
  readonly engine: Engine;
  readonly image: Pick<ImageDetails, "Id">;
  /** With its tag. */
  readonly reference: string;
  /** @param refused the credentials that the registry would not take, where it is asked a second time */
  readonly login: (refused?: Credentials) => Promise<Credentials | undefined>;
}

/** Pushes an image under a name that it has only as long as that takes, unless it had it before. Another image that had the
 *  name gets it back.
 *  @returns the digest under which the registry took it */
export async function pushUnder(context: Installing, push: PushUnder): Promise<string> {
  return await inTurn(context, push, async () => await nameAndPush(context, push));
}

async function nameAndPush(context: Installing, push: PushUnder): Promise<string> {
  const { engine, image, reference } = push;
  const held = await holderOf(context, push);
  if (held.before === image.Id) return await pushTwice(context, push);
  const name = { kind: "image-name", name: reference, id: image.Id, ...held };
  await context.created(name);
  await tagImage(engine, image.Id, reference, context.signal);
  try {
    return await pushTwice(context, push);
  } finally {
    // Without the signal: it may have fired, and the name should go nevertheless.
    if (await dropName(engine, name)) await context.removed(name);
  }
}

/** Works with a name that an image gets for a while, when no other part of the run does. */
export async function inTurn<T>(
  context: Pick<Installing, "shared" | "signal">,
  { engine, reference }: Pick<PushUnder, "engine" | "reference">,
  work: () => Promise<T>,
): Promise<T> {
  const key = `docker names for a while ${engine.key}`;
  const turns = await context.shared(key, () => new Map<string, Promise<unknown>>());
  const before = turns.get(reference) ?? Promise.resolve();
  const mine = unlessAborted(before, context.signal).then(work);
  // Who gives up waiting lets nobody past who works.
  turns.set(reference, Promise.allSettled([before, mine]));
  return await mine;
}

/** For a resource: the image that has a name before an image of the part's has it for a while. */
export async function holderOf(
  { signal }: Pick<Installing, "signal">,
  { engine, reference }: Pick<PushUnder, "engine" | "reference">,
): Promise<{ readonly before?: string }> {
  const before = await inspectImage(engine, reference, signal);
  return before ? { before: before.Id } : {};
}

/** Takes a name from the image that had it for a while. The one that had it before gets it back; where there is none, it stays
 *  where it is the image's last, with which the image would go.
 *  @returns whether nothing is left to be done */
export async function dropName(engine: Engine, { name, id, before }: Resource): Promise<boolean> {
  const now = await inspectImage(engine, name);
  if (!now || (id && now.Id !== id)) return true;
  if (before && (await inspectImage(engine, before))) await tagImage(engine, before, name);
  else if (tagsOf(now).length < 2) return false;
  else await removeImage(engine, name, { noPrune: true });
  return true;
}

/** Names on the engine that a push was cut off from taking away. */
export async function forgetNames(
  context: { readonly record?: PartRecord | undefined; readonly removed?: Installing["removed"] },
  engine: Engine,
): Promise<void> {
  for (const resource of context.record?.resources ?? [])
    if (resource.kind === "image-name" && (await dropName(engine, resource)))
      await context.removed?.(resource);
}

/** A token that has ended in the middle of a push is replaced once; layers that are there are not sent again. */
async function pushTwice(context: Installing, push: PushUnder): Promise<string> {
  const { engine, reference, login } = push;
  const how = { reference, listener: context, signal: context.signal };
  const credentials = await login();
  try {
    return await pushImage(engine, { ...how, credentials });
  } catch (error) {
    const again = isRefusal(error) ? await login(credentials) : undefined;
    if (!again || again.password === credentials?.password) throw error;
    context.log(`${reference}: the registry refuses the token, trying a new one`, "note");
    return await pushImage(engine, { ...how, credentials: again });
  }
}

/** `registry/denied`: the registry does not take the credentials, or not for this. */
export function isRefusal(error: unknown): error is Error & { readonly problem: Problem } {
  return codeOf(error) === "registry/denied";
}

/** The code of a problem, whoever threw it. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("problem" in error)) return undefined;
  return (error.problem as Problem).code;
}
