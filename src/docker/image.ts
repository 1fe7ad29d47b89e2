/** Images of an engine: looking, tagging, removing (https://docs.docker.com/reference/api/engine/, Image). */
import type { Engine } from "./engine.js";
import { DockerError, isConflict, isNotFound } from "./errors.js";
import type { ImageSummary } from "./listing.js";
import type { EngineRequest } from "./request.js";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  hasRegistry,
  withDefaultTag,
  type Reference,
} from "./reference.js";

/** An inspected image (https://docs.docker.com/reference/api/engine/, ImageInspect), as far as anybody here reads it. */
export interface ImageDetails {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  /** What its maker said of its last layer: of an image that was made from another one, not the other's. */
  readonly Comment?: string;
  /** The image that the classic builder made it from; empty for BuildKit's. */
  readonly Parent?: string;
  readonly Os?: string;
  readonly Architecture?: string;
  readonly Variant?: string;
  readonly Config?: {
    readonly Labels?: Readonly<Record<string, string>> | null;
    /** The paths that have a volume of their own in each container. */
    readonly Volumes?: Readonly<Record<string, object>> | null;
  } | null;
}

/** An image by reference or id; undefined where the engine has none. */
export async function inspectImage(
  engine: Pick<Engine, "request">,
  reference: string,
  signal?: AbortSignal,
): Promise<ImageDetails | undefined> {
  return await inspectWith(engine, reference, signal ? { signal } : {});
}

/** The same with a query. */
export async function inspectWith(
  engine: Pick<Engine, "request">,
  reference: string,
  how: Pick<EngineRequest, "query" | "signal">,
): Promise<ImageDetails | undefined> {
  try {
    const path = `/images/${encodePath(reference)}/json`;
    return await engine.request<ImageDetails>({ path, tells: "Id", ...how });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * What the maker of an image said of it; undefined where the engine has none. Podman hands that down to the images that
 * others commit from it, but not in their history: there is what was said of an import, and no more.
 */
export async function ownComment(
  engine: Pick<Engine, "request" | "libpod">,
  reference: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const image = await inspectImage(engine, reference, signal);
  if (!image || !engine.libpod) return image?.Comment;
  const [last] = await engine.request<readonly { readonly Comment?: string }[]>({
    path: `/images/${encodePath(reference)}/history`,
    ...(signal ? { signal } : {}),
  });
  return last?.Comment ?? "";
}

/** A reference as a piece of a path: its slashes stay. A bare id is said to be one: podman looks only for names by it. */
export function encodePath(reference: string): string {
  const named = BARE_ID.test(reference) ? `sha256:${reference}` : reference;
  return named.split("/").map(encodeURIComponent).join("/");
}

const BARE_ID = /^[0-9a-f]{64}$/;

/** Gives an image one more name. `target` has a tag or gets `latest`. */
export async function tagImage(
  engine: Pick<Engine, "request">,
  source: string,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const reference = withDefaultTag(parseReference(target));
  await engine.request({
    method: "POST",
    path: `/images/${encodePath(source)}/tag`,
    query: { repo: familiarName(reference), tag: reference.tag },
    ...(signal ? { signal } : {}),
  });
}

/** How an image is removed; see removeImage. */
export interface RemoveImage {
  /** Leave layers that no other image has, where they have no name: what `docker rmi --no-prune` does. */
  readonly noPrune?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Takes a name from an image, and the image with its last name; by id, an image that has no name.
 * @returns false where there was nothing of that name
 * @throws DockerError `image/in-use` where a container needs it
 */
export async function removeImage(
  engine: Pick<Engine, "request">,
  reference: string,
  how: RemoveImage = {},
): Promise<boolean> {
  try {
    await engine.request({
      method: "DELETE",
      path: `/images/${encodePath(reference)}`,
      query: how.noPrune ? { noprune: 1 } : {},
      ...(how.signal ? { signal: how.signal } : {}),
    });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    if (isConflict(error)) throw inUse(reference, error as DockerError);
    // Two removals at once (one of a run that was killed, say): the engine stumbles, and the image is gone.
    const left = await inspectImage(engine, reference, how.signal).catch(() => reference);
    if (!left) return false;
    throw error;
  }
}

function inUse(reference: string, error: DockerError): DockerError {
  return new DockerError(
    {
      code: "image/in-use",
      message: `image ${reference} cannot be removed: something on the engine uses it`,
      notes: [`the engine says: ${error.message}`],
      help: ["remove what uses it, or set keep = true on the part"],
    },
    { cause: error, statusCode: 409 },
  );
}

/** The image of a list that a name or id means to the engine; names are compared in their full form. */
export function findImage(images: readonly ImageSummary[], reference: string): ImageSummary | undefined {
  if (/^(sha256:)?[0-9a-f]{64}$/.test(reference)) {
    const id = reference.replace(/^(sha256:)?/, "sha256:");
    return images.find((image) => image.Id === id);
  }
  const wanted = withDefaultTag(parseReference(reference));
  const local = localName(images, reference);
  return (local && findNamed(images, local)) ?? findNamed(images, wanted);
}

/**
 * What podman looks for first where a name has no registry: it calls so what it builds and loads. Its lists are told by
 * `Names`, which Docker's have not.
 */
function localName(images: readonly ImageSummary[], reference: string): Reference | undefined {
  if (!images.some(({ Names }) => Names)) return undefined;
  const inLocal = `localhost/${reference}`;
  return hasRegistry(reference) ? undefined : withDefaultTag(parseReference(inLocal));
}

function findNamed(images: readonly ImageSummary[], wanted: Reference): ImageSummary | undefined {
  const { digest } = wanted;
  const full = digest ? `${wanted.domain}/${wanted.path}@${digest}` : formatReference(wanted);
  return images.find((image) =>
    ((digest ? image.RepoDigests : image.RepoTags) ?? []).some((name) => fullName(name) === full),
  );
}

function fullName(name: string): string | undefined {
  return name.startsWith("<none>") ? undefined : formatReference(parseReference(name));
}

/** The names of a listed image, without the `<none>:<none>` of old engines, and as podman is to be asked for them. */
export function tagsOf({ RepoTags, Names }: Pick<ImageSummary, "RepoTags" | "Names">): string[] {
  const tags = (RepoTags ?? []).filter((tag) => !tag.startsWith("<none>"));
  return Names ? tags.map((tag) => tag.replace(/^localhost\//, "")) : tags;
}

/** The digest under which a registry knows the image, where the engine knows it: `sha256:…`. */
export function repoDigest(
  image: { readonly RepoDigests?: readonly string[] | null },
  reference: string,
): string | undefined {
  const { domain, path } = parseReference(reference);
  for (const name of image.RepoDigests ?? []) {
    const known = name.startsWith("<none>") ? undefined : parseReference(name);
    if (known?.domain === domain && known.path === path) return known.digest;
  }
  return undefined;
}

/** How parts name an image to each other: `image:app:1` (see provides and uses of a recipe's configure). */
export function imageKey(reference: string): string {
  const { digest, ...named } = withDefaultTag(parseReference(reference));
  return `image:${familiarReference(digest && !named.tag ? { ...named, digest } : named)}`;
}
