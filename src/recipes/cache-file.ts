import { createHash } from "node:crypto";
import { join } from "node:path";

/** Bytes of a name that leave room in a file system's 255 for what is put behind it. */
const LONGEST = 200;

/**
 * Where what was found out about a path is kept from one run to the next.
 * @param kind the folder of the cache @param about the path, or whatever it is that the file is about
 */
export function cacheFile(
  { buildout }: { readonly buildout: { readonly cacheDirectory: string } },
  kind: string,
  about: string,
): string {
  return join(buildout.cacheDirectory, kind, `${nameOf(about)}.json`);
}

/** Short names are written out, for people to read; and Node's `crypto` takes a while to load. */
function nameOf(about: string): string {
  const name = encodeURIComponent(about);
  return name.length <= LONGEST ? name : createHash("sha256").update(about).digest("hex");
}
