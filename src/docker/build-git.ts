/** Git repositories as build contexts, by the system's git: its settings, keys and credential helpers are the user's own. */
import { realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { unescape } from "node:querystring";
import { withoutPassword } from "./address.js";
import type { BuildSource } from "./build-source.js";
import { DockerError } from "./errors.js";
import { runToEnd, type ProgramEnd } from "./system-program.js";

/** A repository that parseSource has read out of an address. */
export type GitSource = Extract<BuildSource, { readonly kind: "git" }>;

export interface GitAt {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Hears what git says. */
  readonly log?: (line: string) => void;
}

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * The commit that a source means now. @throws DockerError `build/git`
 */
export async function resolveGit(source: GitSource, at: GitAt): Promise<string> {
  const { ref = "HEAD", url } = source;
  if (COMMIT.test(ref)) return ref;
  const listed = await listRemote(source, [ref, `${ref}^{}`], at);
  const found = new Map(
    listed.split("\n").flatMap((line): [string, string][] => {
      const [commit, name] = line.split("\t");
      return commit && name ? [[name, commit]] : [];
    }),
  );
  // An annotated tag is an object of its own: `^{}` is the commit that it names.
  const names = [`${ref}^{}`, ref, `refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`];
  const commit = names.map((name) => found.get(name)).find(Boolean);
  if (commit) return commit;
  if (/^[0-9a-f]{7,}$/.test(ref)) return ref;
  throw new DockerError({
    code: "build/git",
    message: `${withoutPassword(url)} has no branch or tag "${ref}"`,
    option: "source",
  });
}

/** In milliseconds. At the other end of ssh somebody may have to be asked for a passphrase first. */
const PATIENCE = 60_000;

async function listRemote(source: GitSource, refs: readonly string[], at: GitAt): Promise<string> {
  const args = ["ls-remote", "--", addressOf(source), ...refs];
  // By HTTP git itself has a limit.
  if (HTTP.test(source.url)) return await git(args, knowing(source, at));
  const late = AbortSignal.timeout(PATIENCE);
  try {
    return await git(args, { ...at, signal: AbortSignal.any([at.signal, late]) });
  } catch (error) {
    if (!late.aborted || at.signal.aborted) throw error;
    throw new DockerError({
      code: "build/git",
      message: `git ls-remote failed: ${withoutPassword(source.url)} has not answered in ${PATIENCE / 1000} seconds`,
      option: "source",
    });
  }
}

/**
 * Fetches one commit, with its submodules, without history and without `.git`.
 * @param given.cwd an empty folder, for the working copy
 * @returns the folder that the source names, within the working copy
 * @throws DockerError `build/git`
 */
export async function checkoutGit(
  source: GitSource,
  commit: string,
  given: GitAt & { readonly cwd: string },
): Promise<string> {
  const at = { ...given, ...knowing(source, await attentive(given)) };
  const { cwd } = at;
  const url = addressOf(source);
  await git(["init", "--quiet"], at);
  // What submodules with a relative address are relative to.
  await git(["remote", "add", "--", "origin", url], at);
  await fetchCommit(url, commit, at);
  await git(["checkout", "--quiet", "--detach", "--force", "FETCH_HEAD"], at);
  await updateSubmodules(at);
  await rm(join(cwd, ".git"), { recursive: true, force: true });
  return await folderWithin(cwd, source);
}

/** Most servers give a single commit by its name; the others give everything. */
async function fetchCommit(url: string, commit: string, at: GitAt & { cwd: string }): Promise<void> {
  const fetch = ["fetch", "--quiet", "--no-tags"];
  const said: string[] = [];
  try {
    await git([...fetch, "--depth=1", "--", url, commit], { ...at, log: (line) => void said.push(line) });
    for (const line of said) at.log?.(line);
  } catch (error) {
    at.signal.throwIfAborted();
    if (!(error instanceof DockerError)) throw error;
    await git([...fetch, "--", url, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"], at);
    const full = (await git(["rev-parse", "--verify", "--quiet", `${commit}^{commit}`], at)).trim();
    await git(["update-ref", "FETCH_HEAD", full], at);
  }
}

async function updateSubmodules(at: GitAt & { readonly cwd: string }): Promise<void> {
  const has = await stat(join(at.cwd, ".gitmodules")).catch(() => undefined);
  if (has) await git(["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"], at);
}

/** A link in the repository may lead to another folder of it, and not to the files of whoever builds. */
async function folderWithin(copy: string, source: GitSource): Promise<string> {
  const root = await realpath(copy);
  const folder = await realpath(join(root, source.folder ?? ".")).catch(() => undefined);
  const within = folder !== undefined && `${folder}/`.startsWith(`${root}/`);
  if (within && (await stat(folder)).isDirectory()) return folder;
  throw new DockerError({
    code: "build/git",
    message: `${withoutPassword(source.url)} has no folder "${source.folder ?? "."}"`,
    option: "source",
  });
}

/** What git is given: a name and a password for HTTP would be among the arguments of its programs, which everybody sees. */
function addressOf({ url }: GitSource): string {
  return HTTP.test(url) ? withoutPassword(url) : url;
}

const HTTP = /^https?:/i;

/**
 * Asks the environment, which only this user sees; the empty one before it keeps the user's own out, as an address does.
 * Not by `echo`: in some shells it takes a backslash for more.
 */
const HELPERS = [
  "",
  `!tell() { printf 'username=%s\\npassword=%s\\n' "$TSBUILDOUT_USER" "$TSBUILDOUT_PASSWORD"; }; tell`,
];

/**
 * The name and the password, told by a credential helper instead, for this server alone; a name by itself leaves the
 * password to the user's own helpers (https://git-scm.com/docs/gitcredentials; git-config, GIT_CONFIG_COUNT).
 */
function knowing({ url }: GitSource, at: GitAt): GitAt {
  const { origin, username, password } = HTTP.test(url) && URL.canParse(url) ? new URL(url) : NOBODY;
  if (!username && !password) return at;
  const login = { TSBUILDOUT_USER: unescape(username), TSBUILDOUT_PASSWORD: unescape(password) };
  return password
    ? configured({ ...at, env: { ...at.env, ...login } }, `credential.${origin}.helper`, HELPERS)
    : configured(at, `credential.${origin}.username`, [unescape(username)]);
}

const NOBODY = { origin: "", username: "", password: "" };

/** With values of a setting of git's for this one run, besides those that the environment has already. */
function configured(at: GitAt, key: string, values: readonly string[]): GitAt {
  const before = Number(at.env["GIT_CONFIG_COUNT"] ?? 0);
  const settings = values.flatMap((value, n) => [
    [`GIT_CONFIG_KEY_${before + n}`, key],
    [`GIT_CONFIG_VALUE_${before + n}`, value],
  ]);
  const count = { GIT_CONFIG_COUNT: String(before + values.length) };
  return { ...at, env: { ...at.env, ...Object.fromEntries(settings), ...count } };
}

/**
 * With an ssh that gives up a server after a minute without a sign of life; not in the place of one that the user has told
 * git of (git-config, core.sshCommand; ssh_config, ServerAliveInterval).
 */
async function attentive<T extends GitAt & { readonly cwd: string }>(at: T): Promise<T> {
  const { env, cwd, signal } = at;
  if (env["GIT_SSH_COMMAND"] || env["GIT_SSH"]) return at;
  const own = await runToEnd("git", ["config", "--get", "core.sshCommand"], { env, cwd, signal });
  if (!own.failed) return at;
  const GIT_SSH_COMMAND = "ssh -o ServerAliveInterval=15 -o ServerAliveCountMax=4";
  return { ...at, env: { ...env, GIT_SSH_COMMAND } };
}

/** A web server that is silent for a minute will say nothing more: bytes a second, and seconds (git-config, http.lowSpeedLimit). */
const SILENCE = { GIT_HTTP_LOW_SPEED_LIMIT: "1", GIT_HTTP_LOW_SPEED_TIME: "60" };

async function git(args: readonly string[], at: GitAt & { readonly cwd?: string }): Promise<string> {
  const { signal, cwd } = at;
  // Nobody is there to type a password; English, because the last lines are shown beside ours.
  const env = { ...SILENCE, ...at.env, GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" };
  const result = await runToEnd("git", args, { env, signal, ...(cwd && { cwd }) });
  if (result.isMaxBuffer) throw gitFailed(args, { ...result, stderr: "" });
  for (const line of result.stderr.split("\n")) if (line.trim()) at.log?.(withoutPassword(line));
  if (!result.failed) return result.stdout;
  throw gitFailed(args, result);
}

function silentEnd({ isMaxBuffer, signal }: ProgramEnd): string {
  if (isMaxBuffer) return "what it says has no end";
  return signal ? `it was ended by ${signal}` : "it said nothing";
}

function gitFailed(args: readonly string[], result: ProgramEnd): DockerError {
  if (result.code === "ENOENT") {
    return new DockerError({
      code: "build/git",
      message: "the program git was not found",
      help: ["install git"],
      option: "source",
    });
  }
  // ssh ends its lines as a terminal would have them.
  const said = result.stderr
    .split("\n")
    .map((line) => line.trimEnd())
    .filter(Boolean);
  const last = said.slice(-5).map(withoutPassword);
  const reason = last.find((line) => /^(fatal|error|ERROR):/.test(line)) ?? last.at(-1) ?? silentEnd(result);
  const others = last.filter((line) => line !== reason);
  return new DockerError({
    code: "build/git",
    message: `git ${args[0] ?? ""} failed: ${reason.replace(/:$/, "")}`,
    ...(others.length > 0 ? { notes: others } : {}),
    option: "source",
  });
}
