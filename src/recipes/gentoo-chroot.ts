/** The system inside a builder for which packages are built: a command prefix that enters it, and its folders. */
import { quoteWord } from "tsbuildout/recipe";

export interface Chroot {
  /** Words before a command text: `chroot-x86_64-docker -c`. */
  readonly prefix: readonly string[];
  /** Where the chroot's root is in the builder; "" for the builder itself. */
  readonly sysroot: string;
  /** Where packages land, as the builder sees it. */
  readonly root: string;
  /** The same folder as commands inside of the chroot see it. */
  readonly innerRoot: string;
}

export interface Target {
  readonly chroot: string | undefined;
  readonly root: string | undefined;
  readonly arch: string;
  readonly processor: string;
  readonly variant: string;
  readonly abi: string;
}

const ROOT = "/dockeroo-root";

/** @param words splits the prefix as a shell does */
export function chrootOf(target: Target, words: (text: string) => readonly string[]): Chroot {
  const prefix = words(target.chroot ?? `chroot-${target.arch}-docker -c`);
  const direct = prefix.length === 0;
  const sysroot = direct ? "" : `/usr/${target.processor}-${target.variant}-linux-${target.abi}`;
  const root = trimSlash(target.root ?? `${sysroot}${ROOT}`);
  return {
    prefix: direct ? ["/bin/sh", "-c"] : prefix,
    sysroot,
    root,
    innerRoot: inner(root, sysroot, direct),
  };
}

/** A root below the usual place of the chroot is cut there; below another one, its last folder is what is left. */
function inner(root: string, sysroot: string, direct: boolean): string {
  if (direct) return root;
  if (root.startsWith(`${sysroot}/`)) return root.slice(sysroot.length);
  return root.slice(root.lastIndexOf("/"));
}

function trimSlash(path: string): string {
  return path.replace(/\/+$/, "") || "/";
}

/** The command line that runs a text inside. */
export function inside(chroot: Chroot, text: string): string[] {
  return [...chroot.prefix, text];
}

/** A text that a POSIX shell reads back as just these words; whatever an atom holds, it stays one word. */
export function commandText(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}
