import { paxTime, writePax, type PaxRecord } from "./pax.js";
import { BLOCK, fitsOctal, paddingOf, ustarBlock, type TarEntry } from "./tar-header.js";

const NAME_ROOM = 100;
const PREFIX_ROOM = 155;

/** The two zero blocks that end an archive. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

/** An entry's header: a plain ustar block, and before it an extended header with what has no room there. */
export function tarHeader(entry: TarEntry): Buffer {
  const records: PaxRecord[] = [];
  const pax = (key: string, value: string): void => {
    records.push({ key, value: Buffer.from(value, "latin1") });
  };
  const { name, prefix } = splitName(entry.name);
  if (name === undefined) pax("path", entry.name);
  const link = entry.link ?? "";
  if (link.length > NAME_ROOM) pax("linkpath", link);
  for (const field of ["uid", "gid", "size"] as const)
    if (!fitsOctal(entry[field], field)) pax(field, String(entry[field]));
  if (entry.mtimeNs % 1_000_000_000n !== 0n || entry.mtimeNs < 0n) pax("mtime", paxTime(entry.mtimeNs));
  const block = ustarBlock(
    {
      ...entry,
      name: name ?? entry.name.slice(0, NAME_ROOM),
      link: link.slice(0, NAME_ROOM),
      uid: room(entry.uid, "uid"),
      gid: room(entry.gid, "gid"),
      size: room(entry.size, "size"),
      mtimeNs: entry.mtimeNs < 0n ? 0n : entry.mtimeNs,
    },
    prefix,
  );
  return records.length === 0 ? block : Buffer.concat([extendedHeader(records), block]);
}

/** An extended header for the entry that follows it. */
export function extendedHeader(records: readonly PaxRecord[]): Buffer {
  return metaBlocks("x", writePax(records), "././@PaxHeader");
}

/** A header of a type that speaks of the next one, with its content. */
export function metaBlocks(type: string, content: Buffer, name: string): Buffer {
  const header = ustarBlock({ name, type, mode: 0o644, uid: 0, gid: 0, size: content.length, mtimeNs: 0n });
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))]);
}

function room(value: number, field: "uid" | "gid" | "size"): number {
  return fitsOctal(value, field) ? value : 0;
}

/** Finds room for a name in the header's two fields; no name where there is none. */
function splitName(full: string): { name?: string; prefix: string } {
  if (full.length <= NAME_ROOM) return { name: full, prefix: "" };
  // The last slash that leaves a prefix that fits; a directory's own trailing slash parts nothing.
  const slash = full.lastIndexOf("/", Math.min(PREFIX_ROOM, full.length - 2));
  const name = full.slice(slash + 1);
  return slash > 0 && name.length <= NAME_ROOM ? { name, prefix: full.slice(0, slash) } : { prefix: "" };
}
