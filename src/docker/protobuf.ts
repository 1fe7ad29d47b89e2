/** The little of protobuf's wire format that BuildKit's messages need (https://protobuf.dev/programming-guides/encoding). */

/** One field of a message: a number for varints, bytes for everything with a length. Fixed-width fields are skipped. */
export interface Field {
  readonly number: number;
  readonly value: number | Uint8Array;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * The fields of a message, in order. Integers above 2^53 lose precision: nothing here counts that far.
 * @throws RangeError for bytes that are not a message
 */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined || scale > 2 ** 63) throw new RangeError("a varint is cut off");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const type = key % 8;
    if (type === VARINT) yield { number, value: varint() };
    else if (type === BYTES) {
      const length = varint();
      if (at + length > message.length) throw new RangeError("a field is longer than its message");
      yield { number, value: message.subarray(at, (at += length)) };
    } else if (type === FIXED64) at += 8;
    else if (type === FIXED32) at += 4;
    else throw new RangeError(`wire type ${type} is unknown`);
  }
}

const decoder = new TextDecoder();

/** A field as text; a varint (which no text field is) gives an empty one. */
export function textOf(field: Field): string {
  return typeof field.value === "number" ? "" : decoder.decode(field.value);
}

export function bytesOf(field: Field): Uint8Array {
  return typeof field.value === "number" ? new Uint8Array() : field.value;
}

export function numberOf(field: Field): number {
  return typeof field.value === "number" ? field.value : 0;
}

/** The first field of that number, as text. */
export function textField(message: Uint8Array, number: number): string {
  for (const field of fieldsOf(message)) if (field.number === number) return textOf(field);
  return "";
}

/** Encodes one field; empty texts are left out, as proto3 does. */
export function encodeField(number: number, value: string | number | Uint8Array): Uint8Array {
  if (typeof value === "number")
    return value === 0
      ? new Uint8Array()
      : Buffer.from([...encodeVarint(number * 8), ...encodeVarint(value)]);
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  if (bytes.length === 0) return new Uint8Array();
  return Buffer.concat([
    Buffer.from([...encodeVarint(number * 8 + BYTES), ...encodeVarint(bytes.length)]),
    bytes,
  ]);
}

function encodeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return bytes;
}
