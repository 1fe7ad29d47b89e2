import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { commitState } from "../../../src/recipes/commit-state.js";
import { temporaryFolder } from "../../support/tmp.js";

describe("the state of the commit", () => {
  const sha = "54b820607719a2ba8434cfb7b297cebfe5646ab5";
  const { signal } = new AbortController();
  let nowhere: string;
  before(async () => void (nowhere = await temporaryFolder()));

  const said = async (env: Readonly<Record<string, string>>, directory = nowhere) => {
    const found = await commitState({
      directory,
      env: { PATH: process.env["PATH"], GIT_CEILING_DIRECTORIES: nowhere, ...env },
      signal,
    });
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  };

  it("is what GitLab says", async () => {
    const gitlab = { GITLAB_CI: "true", CI_COMMIT_SHA: sha, CI_DEFAULT_BRANCH: "main" };
    const main = { sha, branch: "topic", defaultBranch: "main" };
    expect(await said({ ...gitlab, CI_COMMIT_BRANCH: "topic", CI_COMMIT_REF_NAME: "topic" })).to.deep.equal(
      main,
    );
    expect(
      await said({
        ...gitlab,
        CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: "topic",
        CI_COMMIT_REF_NAME: "refs/merge-requests/1/head",
      }),
    ).to.deep.equal({ ...main, proposed: true });
    expect(await said({ ...gitlab, CI_COMMIT_TAG: "v1.0.0", CI_COMMIT_REF_NAME: "v1.0.0" })).to.deep.equal({
      sha,
      tag: "v1.0.0",
      defaultBranch: "main",
    });
  });

  it("is what GitHub says, with the default branch from the event", async () => {
    const event = join(
      await temporaryFolder({ "event.json": '{"repository": {"default_branch": "trunk"}}' }),
      "event.json",
    );
    const github = { GITHUB_ACTIONS: "true", GITHUB_SHA: sha, GITHUB_EVENT_PATH: event };
    expect(await said({ ...github, GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "trunk" })).to.deep.equal({
      sha,
      branch: "trunk",
      defaultBranch: "trunk",
    });
    expect(
      await said({
        ...github,
        GITHUB_REF_TYPE: "branch",
        GITHUB_REF_NAME: "1/merge",
        GITHUB_HEAD_REF: "topic",
      }),
    ).to.include({ branch: "topic", proposed: true });
    expect(await said({ ...github, GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.0.0" })).to.deep.equal({
      sha,
      tag: "v1.0.0",
      defaultBranch: "trunk",
    });
  });

  it("is what Buildkite says", async () => {
    const buildkite = {
      BUILDKITE: "true",
      BUILDKITE_COMMIT: sha,
      BUILDKITE_BRANCH: "topic",
      BUILDKITE_PIPELINE_DEFAULT_BRANCH: "main",
      BUILDKITE_TAG: "",
    };
    expect(await said(buildkite)).to.deep.equal({ sha, branch: "topic", defaultBranch: "main" });
    expect(await said({ ...buildkite, BUILDKITE_TAG: "v1.0.0" })).to.deep.equal({
      sha,
      tag: "v1.0.0",
      defaultBranch: "main",
    });
  });

  it("is what CircleCI says", async () => {
    expect(await said({ CIRCLECI: "true", CIRCLE_SHA1: sha, CIRCLE_BRANCH: "topic" })).to.deep.equal({
      sha,
      branch: "topic",
    });
    expect(await said({ CIRCLECI: "true", CIRCLE_SHA1: sha, CIRCLE_TAG: "v1.0.0" })).to.deep.equal({
      sha,
      tag: "v1.0.0",
    });
  });

  it("is what git says, where no CI does", async () => {
    const folder = await temporaryFolder({ file: "1" });
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
        cwd: folder,
        encoding: "utf8",
      }).trim();
    git("init", "-q", "-b", "main");
    git("add", ".");
    git("commit", "-q", "-m", "one");
    const head = git("rev-parse", "HEAD");
    expect(await said({}, folder)).to.deep.equal({ sha: head, branch: "main", defaultBranch: "main" });
    git("checkout", "-q", "-b", "feature/x");
    git("tag", "v1.2.3");
    expect(await said({}, folder)).to.deep.equal({
      sha: head,
      branch: "feature/x",
      tag: "v1.2.3",
      defaultBranch: "main",
    });
    git("checkout", "-q", "--detach");
    expect(await said({}, folder)).to.deep.equal({ sha: head, tag: "v1.2.3", defaultBranch: "main" });
    // A CI's checkout has no branches; what it does not say itself is asked of git.
    expect(await said({ CIRCLECI: "true", CIRCLE_SHA1: sha, CIRCLE_BRANCH: "topic" }, folder)).to.deep.equal({
      sha,
      branch: "topic",
      defaultBranch: "main",
    });
  });

  it("is nothing where there is neither", async () => {
    expect(await said({})).to.deep.equal({});
  });
});
