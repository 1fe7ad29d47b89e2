import type { Engine } from "./engine.js";

/** A container, running or not. */
export interface ContainerPlace {
  readonly kind: "container";
  readonly engine: Engine;
  /** Name or id. */
  readonly container: string;
}

/** An image, of which a container is made for as long as it is read; it is never started. */
export interface ImagePlace {
  readonly kind: "image";
  readonly engine: Engine;
  readonly image: string;
  readonly platform?: string;
  /** For the container. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Told of the container's name before it is made, so that it can be cleaned up after a crash, and of its end. */
  readonly onContainer?: (name: string, what: "created" | "removed") => Promise<void> | void;
}

/** A folder on the host, which stands for a root: `/etc/x` is `etc/x` in it. */
export interface FolderPlace {
  readonly kind: "folder";
  readonly path: string;
}

/** Where a copy may come from. */
export type CopySource = ContainerPlace | ImagePlace | FolderPlace;
/** Where a copy may go: an image is never written to. */
export type CopyTarget = ContainerPlace | FolderPlace;

/** How a place is called in messages. */
export function nameOf(place: CopySource): string {
  if (place.kind === "folder") return place.path;
  return place.kind === "image" ? `image ${place.image}` : `container ${place.container}`;
}
