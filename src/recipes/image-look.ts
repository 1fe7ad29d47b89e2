import { findImage, type ImageSummary } from "tsbuildout/docker";
import type { Drift, LookContext, PartRecord, Problem, Resource } from "tsbuildout/recipe";
import { BUILDOUT_LABEL, isOurs } from "./common.js";

/** How far the images that parts made are what is recorded: by part, only where there is something to say. */
export function imageDrift(
  context: Pick<LookContext, "buildout">,
  images: readonly ImageSummary[],
  records: readonly PartRecord[],
): Map<string, readonly Drift[]> {
  const found = new Map<string, readonly Drift[]>();
  for (const record of records) {
    const drift = namesOf(record).flatMap((name) =>
      driftOf({ buildout: context.buildout, images, record }, name),
    );
    if (drift.length > 0) found.set(record.part, drift);
  }
  return found;
}

type Recorded = Pick<PartRecord, "resources"> | undefined;

/** The names that a part gave to images, with the id of each: undefined where none was recorded. */
export function imagesByName(record: Recorded): Map<string, string | undefined> {
  const named = imagesIn(record).filter(({ name }) => !isImageId(name));
  return new Map(named.map(({ name, ["id"]: id }) => [name, id]));
}

export const namesOf = (record: Recorded): string[] => [...imagesByName(record).keys()];

/** Ids of images that a part is to take away since they have lost their names, or are about to. */
export function idsIn(record: Recorded): string[] {
  const names = imagesIn(record).map(({ name }) => name);
  return names.filter(isImageId);
}

/** The id of the image that a part made last; undefined while an update may have made another one. */
export function madeBy(record: (Recorded & Pick<PartRecord, "outputs">) | undefined): string | undefined {
  const id = record?.outputs["image-id"] || undefined;
  return id && idsIn(record).includes(id) ? undefined : id;
}

const imagesIn = (record: Recorded): readonly Resource[] =>
  record?.resources.filter(({ kind }) => kind === "image") ?? [];

/** The kind of resource that stands for an image of somebody's that the part's image may have been built from, and that has no
 *  name any more: it is not the part's to take away. */
export const NAMELESS_BASE = "image-below";

const isImageId = (name: string): boolean => name.startsWith("sha256:");

/**
 * Images that have no other names than these, and that no buildout has made: by name. Who gives the names to another image
 * takes the last one away, and containerd's image store forgets an image without a name.
 */
export function lastNamed(
  images: readonly ImageSummary[],
  names: readonly string[],
): ReadonlyMap<string, ImageSummary> {
  const named = names.flatMap((name): [string, ImageSummary][] => {
    const image = findImage(images, name);
    return image && !image.Labels?.[BUILDOUT_LABEL] ? [[name, image]] : [];
  });
  const count = ({ Id }: ImageSummary): number => named.filter(([, image]) => image.Id === Id).length;
  return new Map(named.filter(([, image]) => count(image) >= (image.RepoTags?.length ?? 0)));
}

/** What is warned of who takes such a name. @param option that gives the name */
export function nameTaken(name: string, id: string, option: string): Problem {
  return {
    code: "build/name-taken",
    message: `${name} was the only name of an image that no buildout has made, ${id}: this part's image has it now`,
    help: ["where such an image is to stay, give it a second name, or the part another one"],
    option,
  };
}

interface Looked {
  readonly buildout: LookContext["buildout"];
  readonly images: readonly ImageSummary[];
  readonly record: PartRecord;
}

function driftOf({ buildout, images, record }: Looked, name: string): Drift[] {
  const image = findImage(images, name);
  if (!image) return [{ kind: "missing", message: `image ${name} is gone` }];
  const id = record.outputs["image-id"];
  // An id may change with the engine's image store; the labels stay. But they are handed down to what is built from it, and
  // by a cache to other checkouts, which may take an earlier one. Podman names a parent without the `sha256:`.
  const derived = Boolean(image.ParentId && id?.endsWith(image.ParentId));
  const cached = Boolean(record.outputs["cache-key"]);
  const there = derived || images.some(({ Id }) => Id === id);
  const same =
    image.Id === id || (!there && !cached && isOurs(image.Labels, { part: record.part, buildout }));
  return same ? [] : [{ kind: "changed", message: `image ${name} is another image now` }];
}
