/**
 * The 512-byte header of the tar formats (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar's base-256 numbers).
 * Texts are byte strings: one character per byte (latin1), so that a name that is not UTF-8 survives.
 */
export const BLOCK = 512;

/** Everything that an entry is, whichever records of the archive say so. */
export interface TarEntry {
  readonly name: string;
  /** `0` file, `1` hard link, `2` symlink, `3` character device, `4` block device, `5` directory, `6` fifo. */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
}

const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const;

export type Field = keyof typeof FIELDS;

/** A text field up to its NUL, as a byte string. */
export function readText(block: Buffer, field: Field): string {
  const [start, length] = FIELDS[field];
  const end = block.indexOf(0, start);
  const last = start + length;
  return block.toString("latin1", start, end < 0 || end > last ? last : end);
}

/** A number field, octal or base-256. */
export function readNumber(block: Buffer, field: Field): number {
  const [start, length] = FIELDS[field];
  const first = block[start] ?? 0;
  if ((first & 0x80) === 0) return Number.parseInt(readText(block, field).trim() || "0", 8) || 0;
  let value = BigInt(first & 0x7f);
  for (let at = start + 1; at < start + length; at += 1) value = (value << 8n) | BigInt(block[at] ?? 0);
  const bits = BigInt(length * 8 - 1);
  const negative = (first & 0x40) !== 0;
  return Number(negative ? value - (1n << bits) : value);
}

/** Whether a number has room in a field as octal digits. */
export function fitsOctal(value: number, field: Field): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value < 8 ** (FIELDS[field][1] - 1);
}

export function writeText(block: Buffer, field: Field, text: string): void {
  const [start, length] = FIELDS[field];
  block.fill(0, start, start + length);
  block.write(text, start, length, "latin1");
}

/** Writes octal digits; the caller has made sure that they fit. */
export function writeNumber(block: Buffer, field: Field, value: number): void {
  const [start, length] = FIELDS[field];
  let rest = value;
  // Digit by digit: this is done several times for every file of a tree, and texts cost more.
  for (let at = start + length - 2; at >= start; at -= 1) {
    block[at] = ZERO + (rest % 8);
    rest = Math.floor(rest / 8);
  }
  block[start + length - 1] = 0;
}

const ZERO = 0x30;

/** Fills in the checksum, the last thing that is done to a header. */
export function seal(block: Buffer): void {
  const [start] = FIELDS.checksum;
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, start, 8, "latin1");
}

/** Whether the block is a header at all. */
export function isSealed(block: Buffer): boolean {
  return readNumber(block, "checksum") === checksum(block);
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function checksum(block: Buffer): number {
  const [start, length] = FIELDS.checksum;
  let sum = 32 * length;
  for (let at = 0; at < BLOCK; at += 1) if (at < start || at >= start + length) sum += block[at] ?? 0;
  return sum;
}

/** The bytes after a content of that size that fill its last block. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

const USTAR = "ustar\x0000";

/** A bare header block for fields that fit. @param block 512 bytes, whatever they hold */
export function writeUstar(block: Buffer, entry: TarEntry, prefix = ""): void {
  block.fill(0);
  fillText(block, "name", entry.name);
  if (prefix !== "") fillText(block, "prefix", prefix);
  if (entry.link) fillText(block, "link", entry.link);
  fillText(block, "type", entry.type);
  fillText(block, "magic", USTAR);
  writeNumber(block, "mode", entry.mode);
  writeNumber(block, "uid", entry.uid);
  writeNumber(block, "gid", entry.gid);
  writeNumber(block, "size", entry.size);
  writeNumber(block, "mtime", Number(entry.mtimeNs / 1_000_000_000n));
  writeNumber(block, "major", entry.major ?? 0);
  writeNumber(block, "minor", entry.minor ?? 0);
  seal(block);
}

/** A text into a field of zeros. */
function fillText(block: Buffer, field: Field, text: string): void {
  const [start, length] = FIELDS[field];
  const end = Math.min(text.length, length);
  for (let at = 0; at < end; at += 1) block[start + at] = text.charCodeAt(at);
}
