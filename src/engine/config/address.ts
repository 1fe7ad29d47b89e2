import path from "node:path";
import { fileURLToPath } from "node:url";
import { openly } from "../hidden.js";

/** Where a configuration file is: a path on this machine or an http(s) URL. */
export type Address =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: string };

/** What an address may not be, as a sentence. */
export class BadAddress extends Error {}

const scheme = /^([a-zA-Z0-9+.-]+):\/\//;

export function isUrl(name: string): boolean {
  return scheme.test(name);
}

/**
 * The address that `name` means where `base` mentions it: relative to that file, a path or a URL of its own.
 * A base that is a directory is given as `{ directory }`. Throws BadAddress.
 */
export function addressOf(name: string, base: Address | { readonly directory: string }): Address {
  if (isUrl(name)) return urlAddress(name);
  if ("directory" in base) return { kind: "path", path: path.resolve(base.directory, name) };
  if (base.kind === "path" || path.isAbsolute(name)) {
    const directory = base.kind === "path" ? path.dirname(base.path) : "/";
    return { kind: "path", path: path.resolve(directory, name) };
  }
  return urlAddress(new URL(name, base.url).href);
}

function urlAddress(name: string): Address {
  let url: URL;
  try {
    url = new URL(name);
  } catch {
    throw new BadAddress(`"${openly(name)}" is not a URL`);
  }
  if (url.protocol === "file:") return { kind: "path", path: pathOf(name) };
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new BadAddress(
      `a configuration file is read by http, https or file, not by "${url.protocol.slice(0, -1)}"`,
    );
  url.hash = "";
  return { kind: "url", url: url.href };
}

function pathOf(name: string): string {
  try {
    return fileURLToPath(name);
  } catch {
    throw new BadAddress(`"${name}" names no file of this machine: write file:///path, or the path alone`);
  }
}

/** How messages name an address: relative to the current directory where it lies below it; no password of a URL. */
export function displayName(address: Address, cwd: string): string {
  if (address.kind === "url") return withoutPassword(address.url);
  const relative = path.relative(cwd, address.path);
  return relative === "" || relative.startsWith("..") || path.isAbsolute(relative) ? address.path : relative;
}

/** A URL for messages. */
export function withoutPassword(text: string): string {
  const url = new URL(text);
  if (url.password !== "") url.password = "***";
  return url.href;
}
