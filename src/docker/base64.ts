/** Base64 for the headers `X-Registry-Auth` and `X-Registry-Config`: the engine's decoder wants the URL-safe alphabet *and* the padding, and takes anything else for "no credentials" without a word. */
export function urlSafeBase64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
