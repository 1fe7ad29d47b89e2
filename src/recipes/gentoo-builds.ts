/** Which build of a package lands in the image: Portage takes the newest one, whatever USE flags are asked for. */
import { RecipeError, type Context } from "tsbuildout/recipe";
import { commandText, inside, type Chroot } from "./gentoo-chroot.js";
import { execute, mustExecute, type Work } from "./gentoo-exec.js";

/** One binary package of the builder's index. */
export interface Build {
  readonly cpv: string;
  readonly buildId: number;
  /** Below the folder of binary packages. */
  readonly path: string;
  readonly use: readonly string[];
}

/** What is recorded of an installed package. */
export interface Installed {
  readonly buildId: number | undefined;
  readonly use: readonly string[] | undefined;
}

/** Reads the index `Packages`: a header, then a stanza a file, `KEY: value` a line. */
export function parseIndex(text: string): Build[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const fields = new Map(
      stanza.split("\n").flatMap((line) => {
        const at = line.indexOf(": ");
        return at > 0 ? [[line.slice(0, at), line.slice(at + 2).trim()] as const] : [];
      }),
    );
    const cpv = fields.get("CPV");
    if (!cpv) return [];
    return [
      {
        cpv,
        buildId: Number(fields.get("BUILD_ID") ?? 0),
        path: fields.get("PATH") ?? "",
        use: flags(fields.get("USE") ?? ""),
      },
    ];
  });
}

function flags(text: string): string[] {
  return text
    .split(/\s+/)
    .filter((flag) => flag !== "")
    .sort();
}

/** The file of the build that is installed, where the index has a newer one that Portage would take instead. */
export function overtaken(cpv: string, installed: Installed, index: readonly Build[]): Build | undefined {
  const builds = index.filter((build) => build.cpv === cpv).sort((a, b) => a.buildId - b.buildId);
  const newest = builds.at(-1);
  if (!newest || builds.length < 2 || sameBuild(newest, installed)) return undefined;
  return builds.findLast((build) => sameBuild(build, installed));
}

function sameBuild(build: Build, installed: Installed): boolean {
  if (installed.buildId !== undefined) return build.buildId === installed.buildId;
  return installed.use === undefined || sameFlags(build.use, installed.use);
}

/** USE of the index lists what is on; the record of an installed package may list implicit flags in another order. */
function sameFlags(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((flag, at) => flag === b[at]);
}

/** Folders where binary packages have been over the years. */
const FOLDERS = ["/var/cache/binpkgs", "/usr/portage/packages", "/usr/local/portage/packages"];

/**
 * Asks Portage for its folder of binary packages, and looks where they usually are if it does not say. An index of many
 * packages has megabytes, of which only what is read here is answered.
 */
const FIND_PACKAGES = [
  "d=$(portageq pkgdir 2>/dev/null) || d=",
  `for f in "$d" "$PKGDIR" ${FOLDERS.join(" ")}; do`,
  '  [ -n "$f" ] && [ -f "$f/Packages" ] || continue',
  '  echo "$f"',
  `  grep -E '^((CPV|BUILD_ID|PATH|USE): |$)' "$f/Packages"`,
  "  exit 0",
  "done",
].join("\n");

export interface Index {
  readonly folder: string;
  readonly builds: readonly Build[];
}

/** The builder's index of binary packages; undefined where it has none. */
export async function readIndex(context: Context, work: Work, chroot: Chroot): Promise<Index | undefined> {
  const done = await execute(context, work, { cmd: inside(chroot, FIND_PACKAGES), log: false });
  const end = done.stdout.indexOf("\n");
  if (end <= 0) return undefined;
  return { folder: done.stdout.slice(0, end), builds: parseIndex(done.stdout.slice(end + 1)) };
}

/** What the package database below a root records of packages. */
export async function readRecords(
  context: Context,
  work: Work,
  {
    chroot,
    root,
    packages,
  }: { readonly chroot: Chroot; readonly root: string; readonly packages: readonly string[] },
): Promise<ReadonlyMap<string, Installed>> {
  const database = `${root === "/" ? "" : root}/var/db/pkg`;
  const script = packages.map((cpv) => {
    const at = (file: string): string => `cat ${commandText([`${database}/${cpv}/${file}`])} 2>/dev/null`;
    return `echo ${commandText([`:: ${cpv}`])}; echo "build $(${at("BUILD_ID")})"; ${at("USE")} && echo use || :`;
  });
  const done = await execute(context, work, { cmd: inside(chroot, script.join("\n")), log: false });
  return parseRecords(done.stdout);
}

/** Answers `:: cpv`, `build N`, the flags, `use`. */
export function parseRecords(text: string): Map<string, Installed> {
  const blocks = text.split(/^:: /m).slice(1);
  return new Map(
    blocks.map((block) => {
      const [cpv = "", build = "", ...rest] = block.trim().split("\n");
      const id = /^build (\d+)$/.exec(build.trim())?.[1];
      const known = rest.at(-1)?.trim() === "use";
      return [
        cpv.trim(),
        {
          buildId: id === undefined ? undefined : Number(id),
          use: known ? flags(rest.slice(0, -1).join(" ")) : undefined,
        },
      ] as const;
    }),
  );
}

/** Where chosen builds are gathered, inside of the chroot. */
export const CHOSEN = "/var/tmp/tsbuildout-binpkgs";

/**
 * Gathers one build of each package in a folder of its own, with an index that knows no other: whatever Portage
 * prefers, it finds only these.
 */
export async function gatherBuilds(
  context: Context,
  work: Work,
  {
    chroot,
    index,
    chosen,
  }: { readonly chroot: Chroot; readonly index: Index; readonly chosen: readonly Build[] },
): Promise<void> {
  const links = chosen.flatMap(({ path }) => {
    const target = `${CHOSEN}/${path}`;
    const source = `${index.folder}/${path}`;
    // Portage passes over symlinks; a file of another file system is copied.
    return [
      commandText(["mkdir", "-p", target.slice(0, target.lastIndexOf("/"))]),
      `{ ${commandText(["ln", source, target])} 2>/dev/null || ${commandText(["cp", source, target])}; }`,
    ];
  });
  const text = [commandText(["rm", "-rf", CHOSEN]), ...links, `PKGDIR=${CHOSEN} emaint binhost --fix`].join(
    " && ",
  );
  await mustExecute(context, work, {
    step: "choosing builds",
    cmd: inside(chroot, text),
    env: ["NO_COLOR=1"],
  });
}

/** @throws RecipeError `gentoo/wrong-build` where a package landed with other flags than it was built with */
export function checkLanded(
  wanted: ReadonlyMap<string, Installed>,
  landed: ReadonlyMap<string, Installed>,
): void {
  for (const [cpv, { use }] of wanted) {
    const found = landed.get(cpv)?.use;
    if (!use || !found || sameFlags(use, found)) continue;
    throw new RecipeError({
      code: "gentoo/wrong-build",
      message: `another build of ${cpv} would get into the image than the one asked for`,
      notes: [`USE asked for: ${use.join(" ")}`, `USE found:     ${found.join(" ")}`],
      help: ["remove the newer binary package from the builder, or build it anew"],
      option: "packages",
    });
  }
}
