/** Images that somebody has by a digest: with the last tag of its repository Docker takes such a name away, too. */
import {
  familiarName,
  listAll,
  parseReference,
  repoDigest,
  tagsOf,
  type Engine,
  type ImageDetails,
  type ImageSummary,
} from "tsbuildout/docker";
import type { PartRecord } from "tsbuildout/recipe";

/**
 * The images that are there by a digest of a tag's repository, and by none of its tags; none on podman, which leaves them.
 * @returns id -> `repository@sha256:…`
 */
export async function heldByDigest(
  engine: Engine,
  tag: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (engine.libpod) return new Map();
  const repository = familiarName(parseReference(tag));
  const images = await listAll(engine, "images", { filters: { reference: [repository] }, signal });
  const held = new Map<string, string>();
  for (const image of images) {
    const digest = repoDigest(image, tag);
    if (digest && tagsIn(repository, image).length === 0) held.set(image.Id, `${repository}@${digest}`);
  }
  return held;
}

/** The name by a digest that was there before a part brought a tag. */
export function heldBefore(
  record: Pick<PartRecord, "resources"> | undefined,
  tag: string,
): string | undefined {
  return record?.resources.find(({ kind, name }) => kind === "image" && name === tag)?.["held"];
}

/** Whether an image loses a name by a digest with its tag. */
export function losesWith(image: ImageDetails, tag: string, held: string): boolean {
  const repository = familiarName(parseReference(tag));
  const isBeside = familiarName(parseReference(held)) === repository;
  return isBeside && (image.RepoDigests ?? []).includes(held) && tagsIn(repository, image).length < 2;
}

/** Some engines list names by a digest among the tags. */
function tagsIn(repository: string, image: Pick<ImageSummary, "RepoTags" | "Names">): string[] {
  return tagsOf(image).filter((name) => {
    const reference = parseReference(name);
    return reference.digest === undefined && familiarName(reference) === repository;
  });
}
