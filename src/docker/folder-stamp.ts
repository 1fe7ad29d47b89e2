import { createHash } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";

export interface FolderStamp {
  /** Of names, sizes, times and inodes: the same stamp means that nothing was written to. */
  readonly stamp: string;
  /** When something in the folder was last written to, in milliseconds since 1970. */
  readonly newest: number;
}

export interface StampOptions {
  /** Which paths below the folder count, and which folders are looked into; all where it is not said. */
  readonly choose?:
    | ((path: string, directory: boolean) => { readonly take: boolean; readonly enter: boolean })
    | undefined;
  /** Anything else that makes a difference. */
  readonly salt: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Whether a folder is as it was costs a look at every file; this is that look and nothing more, because it is what a
 *  run in which nothing has changed spends its time with. Undefined where something cannot be read. */
export function folderStamp(root: string, options: StampOptions): FolderStamp | undefined {
  const hash = createHash("sha256").update(JSON.stringify(options.salt));
  let newest = 0;
  const folder = (path: string): void => {
    options.signal?.throwIfAborted();
    let lines = "";
    const below: string[] = [];
    for (const name of readdirSync(`${root}/${path}`)) {
      const one = path === "" ? name : `${path}/${name}`;
      const stat = lstatSync(`${root}/${one}`);
      const directory = stat.isDirectory();
      const { take, enter } = options.choose?.(one, directory) ?? { take: true, enter: true };
      if (directory && enter) below.push(one);
      if (!take) continue;
      const { mode, size, mtimeMs, ctimeMs, ino } = stat;
      // A folder's size and times change with files in it that do not count.
      lines += directory ? `${name}/${mode}\n` : `${name}\0${mode} ${size} ${mtimeMs} ${ctimeMs} ${ino}\n`;
      if (!directory) newest = Math.max(newest, mtimeMs, ctimeMs);
    }
    hash.update(`${path}\0${lines}`);
    for (const one of below) folder(one);
  };
  try {
    folder("");
  } catch {
    options.signal?.throwIfAborted();
    return undefined;
  }
  return { stamp: hash.digest("hex"), newest };
}
