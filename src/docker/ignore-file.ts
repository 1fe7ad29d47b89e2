/** The file of a build context that says what is no part of it. */
import { isAbsolute, join } from "node:path";
import { DockerIgnore } from "./dockerignore.js";
import { systemCode } from "./errors.js";
import { readPlainFile } from "./plain-file.js";
import type { ExtraFile } from "./tree-pack.js";
import { byteString, unreadable } from "./tree.js";

export const IGNORE = ".dockerignore";

export interface IgnoreFile {
  /** Its whole path. */
  readonly name: string;
  readonly text: string;
  readonly patterns: DockerIgnore;
}

/**
 * Reads `<Dockerfile>.dockerignore`, or else `.dockerignore`.
 * @param dockerfile below the folder, or absolute
 * @throws DockerError `context/bad-ignore`, `folder/unreadable`
 */
export async function readIgnore(root: string, dockerfile: string): Promise<IgnoreFile | undefined> {
  const beside = isAbsolute(dockerfile) ? dockerfile : join(root, dockerfile);
  for (const path of [`${beside}${IGNORE}`, join(root, IGNORE)]) {
    const bytes = await readPlainFile(path).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
      throw unreadable(byteString(path), error);
    });
    const text = bytes?.toString();
    if (text !== undefined) return { name: path, text, patterns: new DockerIgnore(text, path) };
  }
  return undefined;
}

interface Archived {
  /** Its path in the archive. */
  readonly dockerfile: string;
  /** Whether the folder itself does not have it. */
  readonly added: boolean;
  /** The file whose patterns count. */
  readonly ignore: IgnoreFile | undefined;
}

/**
 * A `.dockerignore` for the archive. Who unpacks one goes by it to take out the Dockerfile and the file itself, and nothing
 * else tells that they are not to be seen. @returns undefined where the folder's own says so, or nothing needs to
 */
export async function archiveIgnore(root: string, archived: Archived): Promise<ExtraFile | undefined> {
  const { dockerfile, added, ignore } = archived;
  const own = join(root, IGNORE);
  if (!added && (!ignore || ignore.name === own)) return undefined;
  const text = await readPlainFile(own).catch(() => undefined);
  const ignored = (path: string): boolean => ignore?.patterns.ignores(path) ?? false;
  const hidden = added || ignored(dockerfile);
  if (text === undefined && !hidden) return undefined;
  const said = [
    { path: IGNORE, hides: text === undefined || ignored(IGNORE) },
    { path: dockerfile, hides: hidden },
  ];
  const lines = said.map(({ path, hides }) => `${hides ? "" : "!"}${patternOf(path)}`);
  return { name: IGNORE, content: Buffer.from([text?.toString() ?? "", ...lines, ""].join("\n")) };
}

/** The pattern that matches this path alone. */
export function patternOf(path: string): string {
  return `/${path.replaceAll(/[*?[\]\\]/g, "\\$&")}`;
}
