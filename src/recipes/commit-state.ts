/** What is being built, from the variables of a CI or from git. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

export interface CommitState {
  readonly sha?: string | undefined;
  readonly branch?: string | undefined;
  /** A tag of git. */
  readonly tag?: string | undefined;
  readonly defaultBranch?: string | undefined;
  /** It is what a pull request asks for: `branch` may be a fork's, and what is built is no state of it yet. */
  readonly proposed?: boolean | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

export interface CommitAt {
  readonly directory: string;
  readonly env: Env;
  readonly signal: AbortSignal;
}

/** A CI knows best: what it checked out may be a detached commit without branches. What it does not say, git does. */
export async function commitState(at: CommitAt): Promise<CommitState> {
  const said = await fromCi(at.env);
  const complete = said.sha && (said.branch ?? said.tag) && said.defaultBranch;
  const found = complete ? {} : await fromGit(at, said.sha !== undefined);
  return {
    sha: said.sha ?? found.sha,
    branch: said.branch ?? (said.tag ? undefined : found.branch),
    tag: said.tag ?? found.tag,
    defaultBranch: said.defaultBranch ?? found.defaultBranch,
    proposed: said.proposed,
  };
}

async function fromCi(env: Env): Promise<CommitState> {
  if (env["GITLAB_CI"]) return fromGitLab(env);
  if (env["GITHUB_ACTIONS"]) return await fromGitHub(env);
  if (env["BUILDKITE"]) return fromBuildkite(env);
  if (env["CIRCLECI"]) return fromCircleCi(env);
  return {};
}

/** https://docs.gitlab.com/ci/variables/predefined_variables/ */
function fromGitLab(env: Env): CommitState {
  const tag = env["CI_COMMIT_TAG"] || undefined;
  const own = env["CI_COMMIT_BRANCH"];
  const proposed = env["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"];
  return {
    sha: env["CI_COMMIT_SHA"],
    tag,
    branch: tag ? undefined : own || proposed || env["CI_COMMIT_REF_NAME"],
    defaultBranch: env["CI_DEFAULT_BRANCH"],
    ...(!own && proposed && { proposed: true }),
  };
}

/** https://docs.github.com/actions/reference/workflows-and-actions/variables */
async function fromGitHub(env: Env): Promise<CommitState> {
  const isTag = env["GITHUB_REF_TYPE"] === "tag";
  return {
    sha: env["GITHUB_SHA"],
    tag: isTag ? env["GITHUB_REF_NAME"] : undefined,
    // For a pull request the ref is `12/merge`, the branch is the head's.
    branch: isTag ? undefined : env["GITHUB_HEAD_REF"] || env["GITHUB_REF_NAME"],
    defaultBranch: await gitHubDefault(env["GITHUB_EVENT_PATH"]),
    ...(env["GITHUB_HEAD_REF"] && { proposed: true }),
  };
}

async function gitHubDefault(path: string | undefined): Promise<string | undefined> {
  if (!path) return undefined;
  try {
    const event = JSON.parse(await readFile(path, "utf8")) as { repository?: { default_branch?: string } };
    return event.repository?.default_branch;
  } catch {
    // A runner of another make may leave it out.
    return undefined;
  }
}

/** https://buildkite.com/docs/pipelines/configure/environment-variables */
function fromBuildkite(env: Env): CommitState {
  const tag = env["BUILDKITE_TAG"] || undefined;
  // Until the first checkout the commit may be the word HEAD.
  const sha = env["BUILDKITE_COMMIT"];
  return {
    sha: sha === "HEAD" ? undefined : sha,
    tag,
    branch: tag ? undefined : env["BUILDKITE_BRANCH"],
    defaultBranch: env["BUILDKITE_PIPELINE_DEFAULT_BRANCH"],
  };
}

/** https://circleci.com/docs/reference/variables/ */
function fromCircleCi(env: Env): CommitState {
  const tag = env["CIRCLE_TAG"] || undefined;
  return { sha: env["CIRCLE_SHA1"], tag, branch: tag ? undefined : env["CIRCLE_BRANCH"] };
}

/** @param knowsCommit whether only the default branch and the tag are still asked for */
async function fromGit(at: CommitAt, knowsCommit: boolean): Promise<CommitState> {
  const git = async (...args: string[]): Promise<string | undefined> => await runGit(at, args);
  const sha = await git("rev-parse", "--verify", "HEAD");
  if (sha === undefined) return {};
  const tags = knowsCommit ? undefined : await git("tag", "--points-at", "HEAD", "--sort=-version:refname");
  return {
    sha,
    branch: await git("symbolic-ref", "--short", "-q", "HEAD"),
    tag: tags?.split("\n")[0] || undefined,
    defaultBranch: await defaultBranch(git),
  };
}

async function defaultBranch(
  git: (...args: string[]) => Promise<string | undefined>,
): Promise<string | undefined> {
  const remote = await git("symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD");
  if (remote) return remote.replace(/^origin\//, "");
  for (const name of ["main", "master"])
    if ((await git("rev-parse", "--verify", "-q", `refs/heads/${name}`)) !== undefined) return name;
  return undefined;
}

/** Undefined where git is not there, or says no. */
async function runGit(
  { directory, env, signal }: CommitAt,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const how = { cwd: directory, env: { ...env, GIT_OPTIONAL_LOCKS: "0" }, signal };
    const { stdout } = await promisify(execFile)("git", args, how);
    return stdout.trim();
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
