import { createHash } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Output } from "tsbuildout/docker";
import type { BuildoutInfo } from "tsbuildout/recipe";

/** How much of what a stage prints is its output `stdout`, in bytes: it is recorded. The whole is in the file. */
export const LONGEST_OUTPUT = 64 * 1024;

/** The folder that stages see at `/out`: what each stage printed, under its name (standard error: `<stage>.err`). Buildout
 *  files side by side may have stages of one name. */
export function consoleFolder(buildout: BuildoutInfo): string {
  return join(buildout.cacheDirectory, "out", buildout.id);
}

/** What is added to the names of files that are still written. */
export const UNFINISHED = ".new";

/** Writes what a stage prints into files as it comes, however much it is, and keeps the beginning. */
export class Console {
  readonly #path: string;
  readonly #files: { readonly stdout: FileHandle; readonly stderr: FileHandle };
  readonly #head: Buffer[] = [];
  #kept = 0;
  /** Bytes of standard output. */
  #length = 0;
  readonly #hash = createHash("sha256");

  private constructor(path: string, files: { stdout: FileHandle; stderr: FileHandle }) {
    this.#path = path;
    this.#files = files;
  }

  /** @param mode of the files: what is secret is nobody else's to read */
  static async open(buildout: BuildoutInfo, part: string, mode: number): Promise<Console> {
    const path = join(consoleFolder(buildout), part);
    // Those of a run that was killed keep the mode that they have.
    for (const own of [path, `${path}.err`]) await rm(own + UNFINISHED, { force: true });
    const [stdout, stderr] = await Promise.all([
      open(path + UNFINISHED, "w", mode),
      open(`${path}.err${UNFINISHED}`, "w", mode),
    ]);
    return new Console(path, { stdout, stderr });
  }

  async write({ stream, data }: Output): Promise<void> {
    // Whole: a mere `write` may have written less than it was given.
    await this.#files[stream].appendFile(data);
    if (stream === "stderr") return;
    this.#length += data.length;
    this.#hash.update(data);
    if (this.#kept >= LONGEST_OUTPUT) return;
    this.#head.push(data.subarray(0, LONGEST_OUTPUT - this.#kept));
    this.#kept += data.length;
  }

  /** Puts the finished files in place. @returns the trimmed standard output, undefined where it is too long for that,
   *  and the digest of all of it, `sha256:…` */
  async end(): Promise<{ readonly stdout: string | undefined; readonly digest: string }> {
    await this.#close();
    for (const path of this.#paths) await rename(path + UNFINISHED, path);
    const head = Buffer.concat(this.#head).toString("utf8").trim();
    const digest = `sha256:${this.#hash.digest("hex")}`;
    return { stdout: this.#length > LONGEST_OUTPUT ? undefined : head, digest };
  }

  async drop(): Promise<void> {
    await this.#close();
    for (const path of this.#paths) await rm(path + UNFINISHED, { force: true });
  }

  get #paths(): readonly string[] {
    return [this.#path, `${this.#path}.err`];
  }

  async #close(): Promise<void> {
    await Promise.all([this.#files.stdout.close(), this.#files.stderr.close()]);
  }
}
