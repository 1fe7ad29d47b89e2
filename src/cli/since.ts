import { dirname, resolve } from "node:path";
import { UsageError } from "./args.js";
import type { Invocation } from "./command.js";

/** The files below the configuration's folder that differ from a git revision, those included that git does not track
 *  yet. @throws UsageError where there is no such revision, or no repository */
export async function changedSince(invocation: Invocation, revision: string): Promise<readonly string[]> {
  const { io, globals } = invocation;
  const { execa } = await import("execa");
  const cwd = dirname(resolve(io.cwd, globals.config));
  const git = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await execa("git", args, {
      cwd,
      env: io.env,
      extendEnv: false,
      cancelSignal: io.signal,
    });
    return stdout.split("\0").filter((path) => path !== "");
  };
  try {
    const commit = await git("rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`);
    const tracked = await git("diff", "--relative", "--name-only", "-z", commit[0]!.trim(), "--");
    const untracked = await git("ls-files", "--others", "--exclude-standard", "-z");
    return [...tracked, ...untracked];
  } catch (error) {
    if (io.signal.aborted) throw error;
    const said = (error as { stderr?: string }).stderr?.trim().split("\n")[0] ?? (error as Error).message;
    const [shallow] = await git("rev-parse", "--is-shallow-repository").catch(() => []);
    throw new UsageError(`git cannot say what has changed since ${revision}: ${said}`, [
      "name a commit, a branch or a tag of the repository that the buildout lies in",
      ...(shallow?.trim() === "true"
        ? ["this clone has not all commits: fetch that one, or clone deeper"]
        : []),
    ]);
  }
}
