// node:crypto, loaded on use: it takes Node 5 ms, and a run with nothing to do has nothing to hash.

type Crypto = typeof import("node:crypto");

const crypto = (): Crypto => process.getBuiltinModule("node:crypto");

export const createHash: Crypto["createHash"] = (algorithm, options) =>
  crypto().createHash(algorithm, options);

/** @returns as many random bytes, in hexadecimal */
export function randomHex(bytes: number): string {
  return crypto().randomBytes(bytes).toString("hex");
}
