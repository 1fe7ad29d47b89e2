import { RecipeError, type Context } from "tsbuildout/recipe";
import { commandText, inside, type Chroot } from "./gentoo-chroot.js";
import { mustExecute, type Work } from "./gentoo-exec.js";

/** Begins the answer for one atom; no package is called so. */
const MARK = "::";

/**
 * The packages (`cat/pkg-1.0`) that atoms mean in the chroot, in the atoms' order and each once. equery lists the
 * lowest version first and answers an atom that means nothing with nothing; emerge has just installed the highest.
 * @throws RecipeError `gentoo/not-installed`, `gentoo/ambiguous`
 */
export async function installedPackages(
  context: Context,
  work: Work,
  { chroot, atoms }: { readonly chroot: Chroot; readonly atoms: readonly string[] },
): Promise<readonly string[]> {
  if (atoms.length === 0) return [];
  const done = await mustExecute(context, work, {
    step: "looking up packages",
    cmd: inside(chroot, [NEED_EQUERY, ...atoms.map(question)].join("; ")),
    env: ["NO_COLOR=1"],
    log: false,
  });
  const answers = parseAnswers(done.stdout);
  return [...new Set(atoms.map((atom, at) => chosen(atom, answers[at] ?? [])))];
}

const NEED_EQUERY =
  "command -v equery >/dev/null || { echo 'there is no equery: the builder needs app-portage/gentoolkit' >&2; exit 127; }";

/** A failure of equery says no more than its silence; only the shell's own counts. */
function question(atom: string): string {
  const asked = commandText(["equery", "list", "--format=$cpv", equeryAtom(atom)]);
  return `echo ${commandText([MARK])}; ${asked} || :`;
}

/** equery knows neither USE dependencies nor repositories. */
export function equeryAtom(atom: string): string {
  return atom.replace(/\[.*\]$/, "").replace(/::[\w-]+$/, "");
}

export function parseAnswers(text: string): string[][] {
  const answers: string[][] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === MARK) answers.push([]);
    else if (/^[\w+.-]+\/[\w+.-]+-\d[\w.+-]*$/.test(line.trim())) answers.at(-1)?.push(line.trim());
  }
  return answers;
}

function chosen(atom: string, packages: readonly string[]): string {
  const highest = packages.at(-1);
  const names = [...new Set(packages.map(nameOf))];
  if (highest === undefined)
    throw new RecipeError({
      code: "gentoo/not-installed",
      message: `"${atom}" is not installed in the builder after emerge`,
      notes: ["equery knows no installed package of that name"],
      help: [
        "write the atom as category/name, with a slot where there are several; a set has to be written out",
      ],
      option: "packages",
    });
  if (names.length > 1)
    throw new RecipeError({
      code: "gentoo/ambiguous",
      message: `"${atom}" means ${names.length} packages`,
      notes: names,
      help: ["write the category too"],
      option: "packages",
    });
  return highest;
}

/** `cat/pkg` of `cat/pkg-1.0-r1`: a version begins at the last dash before a digit that is not a revision. */
export function nameOf(cpv: string): string {
  return cpv.replace(/-\d[^-]*(-r\d+)?$/, "");
}
