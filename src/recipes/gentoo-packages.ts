import type { Context } from "tsbuildout/recipe";
import { commandText, inside, type Chroot } from "./gentoo-chroot.js";
import { mustExecute, type Work } from "./gentoo-exec.js";

/** What one part says of packages, by Portage's file: a line each, as in the file. */
export interface PackageLines {
  readonly accept_keywords: readonly string[];
  readonly mask: readonly string[];
  readonly unmask: readonly string[];
  readonly use: readonly string[];
}

/** Ours comes last in a folder, so that it has the last word over what the builder brought. */
const FILE = "zz-tsbuildout";

/** `package.use` may be a file or a folder. The lines come on standard input: no shell ever reads them. */
function writer(path: string): string {
  return [
    `if [ -f ${path} ]; then exec cat >>${path}; fi`,
    `mkdir -p ${path} && exec cat >>${path}/${FILE}`,
  ].join("\n");
}

/** Writes /etc/portage/package.{accept_keywords,mask,unmask,use} of the chroot. */
export async function writePackageLines(
  context: Context,
  work: Work,
  { chroot, lines }: { readonly chroot: Chroot; readonly lines: PackageLines },
): Promise<void> {
  for (const kind of ["accept_keywords", "mask", "unmask", "use"] as const) {
    if (lines[kind].length === 0) continue;
    await mustExecute(context, work, {
      step: `writing package.${kind}`,
      cmd: inside(chroot, writer(`/etc/portage/package.${kind}`)),
      // The line break before is for a file that ends without one.
      stdin: Buffer.from(`\n${lines[kind].join("\n")}\n`),
    });
  }
}

/** Takes packages without an ebuild out of the builder's binary packages, and makes their index anew. */
export async function cleanPackages(context: Context, work: Work, chroot: Chroot): Promise<void> {
  await mustExecute(context, work, {
    step: "cleaning binary packages",
    cmd: inside(
      chroot,
      `${commandText(["eclean", "packages"])} && ${commandText(["emaint", "binhost", "--fix"])}`,
    ),
    env: ["NO_COLOR=1"],
  });
}
