import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { RecipeError } from "./contract.js";

const HEX_LENGTHS: Readonly<Record<number, string>> = { 32: "md5", 40: "sha1", 64: "sha256", 128: "sha512" };

export interface Checksum {
  readonly algorithm: string;
  /** Lower case. */
  readonly hex: string;
}

/**
 * Reads `sha256:…` (also `sha256=…`) or bare hex, whose length tells md5, sha1, sha256 and sha512 apart.
 * @throws RecipeError `download/checksum-form`
 */
export function parseChecksum(text: string): Checksum {
  const match = /^(?:(md5|sha1|sha256|sha512)[:=])?([0-9a-f]+)$/i.exec(text.trim());
  const hex = match?.[2]?.toLowerCase() ?? "";
  const byLength = HEX_LENGTHS[hex.length];
  const named = match?.[1]?.toLowerCase();
  if (!byLength || (named !== undefined && named !== byLength)) {
    throw new RecipeError({
      code: "download/checksum-form",
      message: `"${text.trim()}" is not a checksum`,
      help: ["write md5:, sha1:, sha256: or sha512: and the hexadecimal digits"],
    });
  }
  return { algorithm: byLength, hex };
}

/** The file's checksum in lower-case hex. */
export async function fileChecksum(path: string, algorithm: string, signal: AbortSignal): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex");
}
