/** Where a build's context comes from, by the docker CLI's rules (https://docs.docker.com/build/concepts/context/). */
import { isAbsolute, resolve } from "node:path";
import { DockerError } from "./errors.js";

/** Where a build's context comes from, told by the form of its address; see parseSource. */
export type BuildSource =
  /** A folder, or a file that is a tar archive. */
  | { readonly kind: "local"; readonly path: string }
  | {
      readonly kind: "git";
      /** What git is given: without the fragment. */
      readonly url: string;
      /** Branch, tag or commit; the remote's HEAD unless said. */
      readonly ref: string | undefined;
      /** Below the repository's root. */
      readonly folder: string | undefined;
    }
  /** A tar archive or a Dockerfile: told apart by its first bytes. */
  | { readonly kind: "url"; readonly url: string };

/**
 * Reads a source: `git@host:path`, `git://`, `ssh://`, a URL that ends in `.git`, or `github.com/…` is a repository, each
 * with an optional `#ref:folder`; any other http(s) URL is a file; the rest is a path below `directory`.
 */
export function parseSource(text: string, directory: string): BuildSource {
  const [address, fragment] = splitOnce(text, "#");
  // Not quoted: it may be a password that makes it none.
  if (/^(?:git\+)?https?:\/\//i.test(address) && !URL.canParse(address))
    throw badSource("this is no URL: in a password, write / as %2F, # as %23 and ? as %3F");
  if (isGit(address)) return gitSource(address, fragment);
  if (/^https?:\/\//i.test(text)) return { kind: "url", url: text };
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  if (scheme !== undefined)
    throw badSource(`"${scheme}" is for no source: a folder is a path, and a repository's URL ends in .git`);
  return { kind: "local", path: isAbsolute(text) ? text : resolve(directory, text) };
}

function isGit(address: string): boolean {
  if (/^(git|ssh|git\+ssh|git\+https?):\/\//i.test(address)) return true;
  if (/^[\w.-]+@[\w.-]+:/.test(address)) return true;
  return /^(https?|file):\/\/.*\.git$/i.test(address) || address.startsWith("github.com/");
}

function gitSource(address: string, fragment: string): BuildSource {
  const [ref, path] = splitOnce(fragment, ":");
  const folder = path.replace(/^\/+/, "");
  const url = address.startsWith("github.com/")
    ? `https://${address}`
    : address.replace(/^git\+(https?:)/i, "$1");
  // What begins with a dash would be an option of the git program.
  if (ref.startsWith("-")) throw badSource(`"${ref}" is not a branch, a tag or a commit`);
  if (folder.split("/").includes("..")) throw badSource(`the folder "${folder}" leads out of the repository`);
  return { kind: "git", url, ref: ref || undefined, folder: folder || undefined };
}

function badSource(message: string): DockerError {
  return new DockerError({ code: "build/bad-source", message, option: "source" });
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}
