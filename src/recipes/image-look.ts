import { findImage, type ImageSummary } from "tsbuildout/docker";
import type { Drift, LookContext, PartRecord } from "tsbuildout/recipe";
import { isOurs } from "./common.js";

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

/** The names that a part gave to its image. */
export function namesOf(record: Pick<PartRecord, "resources">): string[] {
  const images = record.resources.filter(({ kind }) => kind === "image").map(({ name }) => name);
  return images.filter((name) => !isImageId(name));
}

/** An image is recorded by its id when it has lost its name to another, or is about to. */
export const isImageId = (name: string): boolean => name.startsWith("sha256:");

interface Looked {
  readonly buildout: LookContext["buildout"];
  readonly images: readonly ImageSummary[];
  readonly record: PartRecord;
}

function driftOf({ buildout, images, record }: Looked, name: string): Drift[] {
  const image = findImage(images, name);
  if (!image) return [{ kind: "missing", message: `image ${name} is gone` }];
  // An id may change with the engine's image store; the labels stay.
  const same =
    image.Id === record.outputs["image-id"] || isOurs(image.Labels, { part: record.part, buildout });
  return same ? [] : [{ kind: "changed", message: `image ${name} is another image now` }];
}
