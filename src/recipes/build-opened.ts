import type { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { parseDockerfile, type Dockerfile, type ExtraFile, type SharedFolder } from "tsbuildout/docker";
import type { BuildOptions } from "./build-spec.js";

/** What a build reads, opened. */
export interface BuildFiles {
  /** For the message of a failure: what the user calls it, and what is in it as far as it is known. */
  readonly dockerfile: {
    readonly name: string;
    readonly content: Dockerfile;
    /** Came with the files, so that the part's inputs could not go by it. */
    readonly fetched?: boolean;
  };
  /** The Dockerfile's path within the tar. */
  readonly pathInContext: string;
  /** May be called once. */
  tar(how: { readonly gzip: boolean }): Readable;
  /** Whether the Dockerfile's instructions would see more in the tar than they are to. */
  readonly hides?: boolean;
  /** For a builder that fetches the files by itself; undefined where there is only an archive. */
  share?(): Promise<SharedFolder | undefined>;
  /**
   * Where the part's inputs lack the files' digest: tells it. To be called before the files are read by others, or
   * after they were sent from the shared folder.
   */
  tell?(sent?: SharedFolder): Promise<void>;
}

/** What tells whether a build would read anything else than the last time. */
export interface FilesDigest {
  /** For the part's inputs: name -> digest. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Undefined where it is not known without fetching. */
  readonly dockerfile: Dockerfile | undefined;
}

/** Where an inline Dockerfile is put: a name that no folder has, so that its own Dockerfile stays what it is. */
export const INLINE = ".tsbuildout.Dockerfile";

/** What the user calls it. */
export const INLINE_SHOWN = "dockerfile-inline";

export function inlineFile(text: string): ExtraFile {
  return { name: INLINE, content: Buffer.from(text) };
}

/** The Dockerfile that the buildout has itself; undefined where `dockerfile-inline` says where an archive is. */
export function inlineText(
  options: Pick<BuildOptions, "custom-context" | "dockerfile-inline">,
): string | undefined {
  return options["custom-context"] ? undefined : options["dockerfile-inline"];
}

export function inlineDockerfile(options: BuildOptions): Dockerfile | undefined {
  const inline = inlineText(options);
  return inline === undefined ? undefined : parseDockerfile(inline);
}

/** gzip on the way, for slow lines; an error of either end is an error of the whole. */
export function zipped(tar: Readable, gzip: boolean): Readable {
  if (!gzip) return tar;
  const packed = createGzip();
  tar.once("error", (error) => packed.destroy(error));
  packed.once("close", () => tar.destroy());
  return tar.pipe(packed);
}
