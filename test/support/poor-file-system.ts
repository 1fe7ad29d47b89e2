import fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

function fails(code: string): () => never {
  return () => {
    throw Object.assign(new Error(`${code}: as a file system says that cannot do it`), { code });
  };
}

/** Does the work as on VirtualBox's shared folders: without hard links, and with folders that cannot be put on the disk. */
export async function onPoorFileSystem<T>(work: () => Promise<T>): Promise<T> {
  const { linkSync } = fs;
  const any = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(any) as { sync: (this: FileHandle) => Promise<void> };
  await any.close();
  const { sync } = prototype;
  fs.linkSync = fails("EPERM");
  prototype.sync = async function () {
    if ((await this.stat()).isDirectory()) fails("EINVAL")();
    await sync.call(this);
  };
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    fs.linkSync = linkSync;
    prototype.sync = sync;
    syncBuiltinESMExports();
  }
}
