import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { RecipeError } from "./contract.js";
import { shownUrl } from "./http.js";

/**
 * The path of the file on this machine that an address means, by the rules of `download`: a path or a `file:` URL.
 * @param at.directory where relative paths start, absolute
 * @param at.home the user's folder, for `~/`
 * @returns undefined for an address that is fetched: `https://…`
 * @throws RecipeError `download/url` for a `file:` URL that names no file here
 */
export function localPath(
  address: string,
  at: { readonly directory: string; readonly home: string },
): string | undefined {
  if (/^file:/i.test(address)) return pathOf(address);
  if (/^[a-z][\w+.-]*:\/\//i.test(address)) return undefined;
  const path = address === "~" || address.startsWith("~/") ? at.home + address.slice(1) : address;
  return resolve(at.directory, path);
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw badUrl(url);
  }
}

export function badUrl(url: string): RecipeError {
  return new RecipeError({
    code: "download/url",
    message: `"${shownUrl(url)}" cannot be downloaded`,
    help: ["write an http or https URL, file:///path, or a path"],
  });
}
