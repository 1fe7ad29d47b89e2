import { stripVTControlCharacters } from "node:util";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { commandText, inside, type Chroot } from "./gentoo-chroot.js";
import { execute, type Executed, type Work } from "./gentoo-exec.js";
import { withProxies } from "./proxies.js";

export interface Emerge {
  readonly chroot: Chroot;
  /** Words after `emerge`. */
  readonly words: readonly string[];
  /** `NAME=VALUE` before `emerge`, inside of the chroot. */
  readonly assignments?: readonly string[];
  /** `NAME=VALUE` of the part, outside of it. */
  readonly env: readonly string[];
  /** The option that is to blame. */
  readonly option: string;
}

/**
 * Runs emerge; its output goes to the part's log.
 * @throws RecipeError `gentoo/emerge-failed` with the package and the end of its build log, or with what the resolver said
 */
export async function emerge(context: Context, work: Work, what: Emerge): Promise<void> {
  const report = new EmergeReport();
  const text = [...(what.assignments ?? []).map(assignment), commandText(["emerge", ...what.words])].join(
    " ",
  );
  const done = await execute(context, work, {
    cmd: inside(what.chroot, text),
    // Without it Portage colours its ` * ` lines even where there is no terminal.
    env: await withProxies(context, work.engine, ["NO_COLOR=1", ...what.env]),
    onLine: (line) => {
      const step = report.see(line);
      if (step) context.progress({ step });
    },
  });
  if (done.code !== 0) throw await failure(context, work, { what, report, done });
}

function assignment(text: string): string {
  const at = text.indexOf("=");
  return `${text.slice(0, at)}=${commandText([text.slice(at + 1)])}`;
}

/** Picks out of emerge's output what an error needs. Portage's words, as its manual and its source have them. */
export class EmergeReport {
  /** `cat/pkg-1.0`, where one failed. */
  failed: string | undefined;
  /** Inside of the chroot. */
  logFile: string | undefined;
  /** The package that is being worked on. */
  current: string | undefined;
  /** What the resolver refused and why. */
  readonly refusals: string[] = [];

  /** @returns what is being done now, where the line begins something */
  see(line: string): string | undefined {
    const text = stripVTControlCharacters(line);
    const begun = /^>>> (Emerging binary|Emerging|Installing) \((\d+) of (\d+)\) ([^\s:]+)/.exec(text);
    if (begun) {
      this.current = begun[4];
      return `${begun[1] === "Installing" ? "install" : "emerge"} ${begun[4]} (${begun[2]} of ${begun[3]})`;
    }
    const failed = /^>>> Failed to (?:emerge|install) ([^\s,:]+)/.exec(text);
    if (failed) this.failed = failed[1];
    const log = /^\s*(?:>>>)?\s*'(\/[^']*\.log)'/.exec(text) ?? /located at '([^']+\.log)'/.exec(text);
    if (log) this.logFile = log[1];
    if (this.refusals.length < 12 && REFUSAL.test(text)) this.refusals.push(text.trim());
    return undefined;
  }
}

const REFUSAL =
  /^(emerge: |!!! (?!Please|Be warned)|- \S+::\S* \(masked by|\(dependency required by|\(Change USE|.*there are no (ebuilds|binary packages)|.*no ebuilds built with USE)/;

interface Failed {
  readonly what: Emerge;
  readonly report: EmergeReport;
  readonly done: Executed;
}

async function failure(context: Context, work: Work, { what, report, done }: Failed): Promise<RecipeError> {
  const name = report.failed ?? (report.refusals.length > 0 ? undefined : report.current);
  const log = name && report.logFile ? await endOfLog(context, work, { what, file: report.logFile }) : [];
  const notes =
    log.length > 0
      ? [`the end of its build log, ${report.logFile}:\n${log.join("\n")}`]
      : report.refusals.length > 0 && !report.failed
        ? report.refusals
        : done.last;
  return new RecipeError({
    code: "gentoo/emerge-failed",
    message: name
      ? `emerge failed at ${name} with exit code ${done.code}`
      : `emerge refused with exit code ${done.code}`,
    notes,
    option: what.option,
  });
}

interface LogOf {
  readonly what: Emerge;
  readonly file: string;
}

async function endOfLog(context: Context, work: Work, { what, file }: LogOf): Promise<readonly string[]> {
  const cmd = inside(what.chroot, commandText(["tail", "-n", "30", file]));
  const read = await execute(context, work, { cmd, log: false });
  return read.code === 0 ? stripVTControlCharacters(read.stdout).trimEnd().split("\n") : [];
}
