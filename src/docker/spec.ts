/** A text that does not describe what it should (a port, a mount, a device). Callers add where it was written. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly help: readonly string[];
  constructor(message: string, help: readonly string[] = []) {
    super(message);
    this.help = help;
  }
}

/** `a=1,b="x,y",c` as the docker CLI reads it: comma-separated values in which quotes protect commas. */
export function splitFields(text: string): (readonly [key: string, value: string | undefined])[] {
  return splitCsv(text).map((field) => {
    const at = field.indexOf("=");
    return at < 0
      ? ([field.trim().toLowerCase(), undefined] as const)
      : ([field.slice(0, at).trim().toLowerCase(), field.slice(at + 1)] as const);
  });
}

function splitCsv(text: string): string[] {
  const fields: string[] = [];
  // A quoted field holds commas, and a quote as two of them.
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(,|$)/gy;
  for (;;) {
    const match = pattern.exec(text);
    if (!match) throw new SpecError(`"${text}" has a quotation that does not end`);
    fields.push(match[1] === undefined ? (match[2] ?? "").trim() : match[1].replaceAll('""', '"'));
    if (match[3] === "") return fields;
  }
}

const SIZE_UNITS = "bkmgtp";

/** `64m`, `.5g` -> bytes, in powers of 1024. */
export function bytesOf(text: string, what: string): number {
  const match = /^(\+?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([bkmgtp]?)(i?b)?$/i.exec(text.trim());
  if (!match)
    throw new SpecError(`"${text}" is not a ${what}`, ["write bytes, or a number with k, m or g: 64m"]);
  return Math.floor(Number(match[1]) * 1024 ** SIZE_UNITS.indexOf((match[2] || "b").toLowerCase()));
}

/** `true`, `1`, `false`, … and nothing at all, which means true (`readonly`). */
export function flagOf(value: string | undefined, name: string): boolean {
  if (value === undefined || /^(true|1|t)$/i.test(value)) return true;
  if (/^(false|0|f)$/i.test(value)) return false;
  throw new SpecError(`"${value}" is neither true nor false`, [`write ${name}=true or ${name}=false`]);
}
