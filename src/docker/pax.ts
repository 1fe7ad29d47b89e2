/** One record of a pax extended header. Its value is bytes: a capability is not text. */
export interface PaxRecord {
  readonly key: string;
  readonly value: Buffer;
}

/**
 * Reads the records of an extended header's content: `LENGTH KEY=VALUE\n` each (POSIX.1-2017, "pax Extended Header").
 * @throws RangeError where the lengths do not add up
 */
export function readPax(content: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const length = Number(content.toString("latin1", at, space));
    const equals = content.indexOf(0x3d, space);
    const end = at + length;
    if (
      space < 0 ||
      !(length > 0) ||
      equals < 0 ||
      equals >= end ||
      end > content.length ||
      content[end - 1] !== 10
    ) {
      throw new RangeError("a broken extended header");
    }
    records.push({
      key: content.toString("latin1", space + 1, equals),
      value: content.subarray(equals + 1, end - 1),
    });
    at = end;
  }
  return records;
}

export function writePax(records: readonly PaxRecord[]): Buffer {
  return Buffer.concat(
    records.map(({ key, value }) => Buffer.from(record(key, value.toString("latin1")), "latin1")),
  );
}

/** A record as a byte string. @param value a byte string */
export function record(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  // The length counts its own digits.
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** `SECONDS` or `SECONDS.NANOSECONDS`, without trailing zeros. */
export function paxTime(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const rest = ns % 1_000_000_000n;
  const sign = ns < 0n ? "-" : "";
  const whole = `${sign}${seconds < 0n ? -seconds : seconds}`;
  if (rest === 0n) return whole;
  return `${whole}.${String(rest < 0n ? -rest : rest)
    .padStart(9, "0")
    .replace(/0+$/, "")}`;
}

/** The nanoseconds of what `paxTime` writes. */
export function nanoseconds(time: string): bigint {
  const [whole = "0", fraction = ""] = time.split(".");
  const rest = BigInt(fraction.padEnd(9, "0").slice(0, 9));
  return BigInt(whole) * 1_000_000_000n + (whole.startsWith("-") ? -rest : rest);
}
