import type { OpenSource } from "./copy-source.js";
import { DockerIgnore } from "./dockerignore.js";
import { detour, type Detours } from "./put-archive.js";
import { isDirectory, isHardLink, rewriteTar, type ArchiveEntry, type Rewritten } from "./tar-rewrite.js";
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
  readonly times: ExactTimes;
  /** Told of every entry that goes into the target. */
  readonly onEntry?: (entry: ArchiveEntry, name: string) => void;
}

/**
 * The source's archive with the target's names: a tar stream without its end. Files whose first link was excluded are
 * read once more by another of their names.
 */
export async function* plannedArchive(plan: Plan, detours: Detours): AsyncGenerator<Buffer, void, undefined> {
  const naming = new Naming(plan, detours);
  yield* rewriteTar(await plan.source.archive(), (entry) => naming.place(entry));
  // Only now: an engine gives one archive of a container at a time.
  for (const [first, ...others] of naming.orphans()) {
    const path = `${plan.source.path}/${textOf(first)}`.replace(/^\/\//, "/");
    yield* rewriteTar(await plan.source.archive(path), (entry) => naming.at(entry, first));
    for (const other of others) yield naming.link(other, first);
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

/** Gives the entries of one reading of the source their places in the target. */
class Naming {
  readonly #plan: Plan;
  readonly #detours: Detours;
  readonly #exclude: DockerIgnore | undefined;
  #root: string | undefined;
  /** Excluded files that others may be links to. */
  readonly #excluded = new Set<string>();
  /** Excluded file -> its links that are not. */
  readonly #orphans = new Map<string, [string, ...string[]]>();

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
    const first = this.#below(entry.link);
    if (!this.#excluded.has(first)) return this.at(entry, below, first);
    const others = this.#orphans.get(first);
    if (others) others.push(below);
    else this.#orphans.set(first, [below]);
    return undefined;
  }

  /** @param below path below the source, `""` for the source itself @param link the same of a hard link's target */
  at(entry: ArchiveEntry, below: string, link?: string): Rewritten | undefined {
    const { uid, gid, times, onEntry } = this.#plan;
    const name = this.#name(below);
    // The root itself is there already, and so is a directory that is a symlink there.
    if (name === "" || (isDirectory(entry) && this.#detours.has(name))) return undefined;
    onEntry?.(entry, name);
    const mtime = times.get(below);
    return {
      name: detour(name, this.#detours),
      ...(link === undefined ? {} : { link: detour(this.#name(link), this.#detours) }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(mtime === undefined ? {} : { mtime }),
    };
  }

  orphans(): Iterable<[string, ...string[]]> {
    return this.#orphans.values();
  }

  link(below: string, first: string): Buffer {
    const name = detour(this.#name(below), this.#detours);
    const link = detour(this.#name(first), this.#detours);
    return tarHeader({ name, link, type: "1", mode: 0o644, uid: 0, gid: 0, size: 0, mtimeNs: 0n });
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
