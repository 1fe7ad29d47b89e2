import type { OpenSource } from "./copy-source.js";
import { DockerIgnore } from "./dockerignore.js";
import { detour, type Detours } from "./put-archive.js";
import {
  isDirectory,
  isHardLink,
  passTar,
  rewriteTar,
  type ArchiveEntry,
  type Rewritten,
} from "./tar-rewrite.js";
import type { Outlet } from "./outlet.js";
import { nanoseconds } from "./pax.js";
import { tarHeader } from "./tar-write.js";
import { textOf } from "./tree.js";

/** Path below the source -> pax time with nanoseconds. */
export type ExactTimes = ReadonlyMap<string, string>;

export interface Plan {
  readonly source: OpenSource;
  /** Byte string, without slashes at its ends; `""` is the root. */
  readonly target: string;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Patterns as in a .dockerignore file, below the source. */
  readonly exclude: readonly string[];
  /** Undefined where nobody asked after nanoseconds. */
  readonly times: ExactTimes | undefined;
  /** Told of every entry that goes into the target. */
  readonly onEntry?: (entry: ArchiveEntry, name: string) => void;
}

/**
 * Puts the source's archive with the target's names into a stream: a tar archive without its end. Files whose first link
 * was excluded are read once more by another of their names.
 */
export async function putPlanned(outlet: Outlet, plan: Plan, detours: Detours): Promise<void> {
  const naming = new Naming(plan, detours);
  await passTar(outlet, await plan.source.archive(), (entry) => naming.place(entry));
  // Only now: an engine gives one archive of a container at a time.
  for (const [excluded, [first, ...others]] of naming.orphans()) {
    const path = pathBelow(plan.source.path, first.below);
    await passTar(outlet, await plan.source.archive(path), (entry) =>
      naming.at(entry, first.below, { sameAs: excluded }),
    );
    for (const other of others) await outlet.give(naming.link(other, first, excluded));
  }
}

/** The target's directories that the archive has, parents first. */
export async function plannedDirectories(plan: Plan): Promise<string[]> {
  const directories: string[] = [];
  const onEntry = (entry: ArchiveEntry, name: string): void => {
    if (isDirectory(entry)) directories.push(name);
  };
  const naming = new Naming({ ...plan, onEntry }, new Map());
  const scan = rewriteTar(await plan.source.archive(), (entry) => {
    naming.place(entry);
    return undefined;
  });
  for await (const _ of scan) continue;
  return directories;
}

/** A link to a file that is excluded. */
interface Orphan {
  readonly below: string;
  readonly entry: ArchiveEntry;
}

/** Another path below the source that an entry is the same file as, and whether the archive has it as a link to it. */
interface Twin {
  readonly sameAs: string;
  readonly link?: true;
}

/** Gives the entries of one reading of the source their places in the target. */
class Naming {
  readonly #plan: Plan;
  readonly #detours: Detours;
  readonly #exclude: DockerIgnore | undefined;
  #root: string | undefined;
  /** Excluded files that others may be links to. */
  readonly #excluded = new Set<string>();
  /** Excluded file -> its links that are not. */
  readonly #orphans = new Map<string, [Orphan, ...Orphan[]]>();

  constructor(plan: Plan, detours: Detours) {
    this.#plan = plan;
    this.#detours = detours;
    if (plan.exclude.length > 0) this.#exclude = new DockerIgnore(plan.exclude.join("\n"), "exclude");
  }

  place(entry: ArchiveEntry): Rewritten | undefined {
    this.#root ??= entry.name;
    const below = this.#below(entry.name);
    if (below !== "" && this.#isExcluded(below, entry)) return undefined;
    if (!isHardLink(entry)) return this.at(entry, below);
    const file = this.#below(entry.link);
    if (!this.#excluded.has(file)) return this.at(entry, below, { sameAs: file, link: true });
    const others = this.#orphans.get(file);
    if (others) others.push({ below, entry });
    else this.#orphans.set(file, [{ below, entry }]);
    return undefined;
  }

  /** @param below path below the source, `""` for the source itself */
  at(entry: ArchiveEntry, below: string, twin?: Twin): Rewritten | undefined {
    const { uid, gid, times, onEntry } = this.#plan;
    const name = this.#name(below);
    // The root itself is there already, and so is a directory that is a symlink there.
    if (name === "" || (isDirectory(entry) && this.#detours.has(name))) return undefined;
    onEntry?.(entry, name);
    // A link's header is as good as its file's: what is written last counts for both.
    const mtime = times?.get(twin?.sameAs ?? below);
    return {
      name: this.#place(below),
      ...(twin?.link ? { link: this.#place(twin.sameAs) } : {}),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(mtime === undefined ? {} : { mtime }),
    };
  }

  orphans(): Iterable<[string, [Orphan, ...Orphan[]]]> {
    return this.#orphans;
  }

  link({ below, entry }: Orphan, first: Orphan, excluded: string): Buffer {
    const time = this.#plan.times?.get(excluded);
    return tarHeader({
      name: this.#place(below),
      link: this.#place(first.below),
      type: "1",
      mode: entry.mode,
      uid: this.#plan.uid ?? entry.uid,
      gid: this.#plan.gid ?? entry.gid,
      size: 0,
      mtimeNs: time === undefined ? BigInt(Math.floor(entry.mtime)) * 1_000_000_000n : nanoseconds(time),
    });
  }

  #place(below: string): string {
    return detour(this.#name(below), this.#detours);
  }

  #name(below: string): string {
    const { target } = this.#plan;
    return below === "" || target === "" ? `${target}${below}` : `${target}/${below}`;
  }

  #below(name: string): string {
    return belowRoot(name, this.#root ?? "");
  }

  #isExcluded(below: string, entry: ArchiveEntry): boolean {
    if (!this.#exclude) return false;
    const directory = isDirectory(entry);
    const { take, enter } = this.#exclude.choose(textOf(below), directory);
    // A directory is needed by what a `!` pattern may take back in it.
    const excluded = !take && !(directory && enter);
    if (excluded && !directory) this.#excluded.add(below);
    return excluded;
  }
}

/** An entry's path below the archive's first entry, which is the source; an engine calls a root `/` or `.`. */
export function belowRoot(name: string, root: string): string {
  if (name === root) return "";
  return root === "/" || root === "." ? name.replace(/^\.?\//, "") : name.slice(root.length + 1);
}

/** The bytes of a path below a folder. */
export function pathBelow(folder: string, below: string): Buffer {
  if (below === "") return Buffer.from(folder);
  return Buffer.concat([Buffer.from(folder === "/" ? "/" : `${folder}/`), Buffer.from(below, "latin1")]);
}
