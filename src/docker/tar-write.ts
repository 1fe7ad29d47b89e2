import { paxTime, record, writePax, type PaxRecord } from "./pax.js";
import { BLOCK, fitsOctal, paddingOf, writeUstar, type TarEntry } from "./tar-header.js";

const NAME_ROOM = 100;
const PREFIX_ROOM = 155;

/** The last time for which the header's eleven octal digits are enough. */
const LAST_TIME = (8n ** 11n - 1n) * 1_000_000_000n;

/** The two zero blocks that end an archive. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

/** An entry's header: a plain ustar block, and before it an extended header with what has no room there. */
export function tarHeader(entry: TarEntry): Buffer {
  const bytes = Buffer.allocUnsafe(headerRoom(entry));
  return bytes.subarray(0, writeHeader(bytes, 0, entry));
}

/** At most so many bytes for an entry's header. */
export function headerRoom({ name, link = "" }: TarEntry): number {
  // Two blocks, another's padding, and the records of every field but the texts.
  return 4 * BLOCK + name.length + link.length;
}

/** Writes what `tarHeader` gives into a buffer that has room for it. @returns where it ends */
export function writeHeader(into: Buffer, at: number, entry: TarEntry): number {
  const { name, prefix } = splitName(entry.name);
  const link = entry.link ?? "";
  let records = name === undefined ? record("path", entry.name) : "";
  if (link.length > NAME_ROOM) records += record("linkpath", link);
  for (const field of ["uid", "gid", "size"] as const)
    if (!fitsOctal(entry[field], field)) records += record(field, String(entry[field]));
  const outside = entry.mtimeNs < 0n || entry.mtimeNs > LAST_TIME;
  if (outside || entry.mtimeNs % 1_000_000_000n !== 0n) records += record("mtime", paxTime(entry.mtimeNs));
  const start = records === "" ? at : writeExtended(into, at, records);
  writeUstar(
    into.subarray(start, start + BLOCK),
    {
      type: entry.type,
      mode: entry.mode,
      name: name ?? entry.name.slice(0, NAME_ROOM),
      link: link.length > NAME_ROOM ? link.slice(0, NAME_ROOM) : link,
      uid: room(entry.uid, "uid"),
      gid: room(entry.gid, "gid"),
      size: room(entry.size, "size"),
      mtimeNs: outside ? 0n : entry.mtimeNs,
      major: entry.major ?? 0,
      minor: entry.minor ?? 0,
    },
    prefix,
  );
  return start + BLOCK;
}

/** @param records a byte string */
function writeExtended(into: Buffer, at: number, records: string): number {
  writeUstar(into.subarray(at, at + BLOCK), metaEntry("x", PAX_NAME, records.length));
  const end = at + BLOCK + into.write(records, at + BLOCK, "latin1");
  const next = end + paddingOf(records.length);
  into.fill(0, end, next);
  return next;
}

/** An extended header for the entry that follows it. */
export function extendedHeader(records: readonly PaxRecord[]): Buffer {
  return metaBlocks("x", writePax(records), PAX_NAME);
}

const PAX_NAME = "././@PaxHeader";

/** A header of a type that speaks of the next one, with its content. */
export function metaBlocks(type: string, content: Buffer, name: string): Buffer {
  const header = Buffer.allocUnsafe(BLOCK);
  writeUstar(header, metaEntry(type, name, content.length));
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))]);
}

function metaEntry(type: string, name: string, size: number): TarEntry {
  return { name, type, mode: 0o644, uid: 0, gid: 0, size, mtimeNs: 0n };
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
