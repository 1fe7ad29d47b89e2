import type { CommitState } from "./commit-state.js";

/** Words in `tags` that stand for something of the commit. */
const TAG_WORDS = ["latest", "slug", "sha", "short-sha", "semver"] as const;
type TagWord = (typeof TAG_WORDS)[number];

const isWord = (text: string): text is TagWord => (TAG_WORDS as readonly string[]).includes(text);

export interface MadeTags {
  readonly tags: readonly string[];
  /** Words for which the commit says nothing. */
  readonly unknown: readonly TagWord[];
}

/** The tags for images of a commit: words are replaced, anything else stands for itself. `latest` is given on the
 *  default branch only, `semver` where the commit has a tag that is a version: neither is missed elsewhere. */
export function tagsOfCommit(asked: readonly string[], commit: CommitState): MadeTags {
  const tags: string[] = [];
  const unknown: TagWord[] = [];
  for (const text of asked) {
    const made = isWord(text) ? MAKE[text](commit) : [text];
    if (made) tags.push(...made);
    else if (isWord(text)) unknown.push(text);
  }
  return { tags: [...new Set(tags)], unknown };
}

type Make = (commit: CommitState) => readonly string[] | undefined;

const MAKE: Readonly<Record<TagWord, Make>> = {
  latest: ({ branch, tag, defaultBranch, proposed }) => {
    if (branch === undefined && tag === undefined) return undefined;
    return branch !== undefined && branch === defaultBranch && !proposed ? ["latest"] : [];
  },
  slug: ({ branch, tag }) => {
    const ref = tag && branch === undefined ? tag : branch;
    const slug = slugOf(ref ?? "");
    return slug ? [slug] : undefined;
  },
  sha: ({ sha }) => (sha ? [sha] : undefined),
  "short-sha": ({ sha }) => (sha ? [sha.slice(0, 8)] : undefined),
  semver: ({ tag }) => versionsOf(tag ?? ""),
};

/** A branch in a tag: lower case, at most 63 characters, a dash for anything else than letters and digits, none at the
 *  ends (as GitLab makes CI_COMMIT_REF_SLUG). */
export function slugOf(ref: string): string {
  return ref
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
}

/** `v1.2.3` -> `1.2.3`, `1.2`, `1`; a version before 1 promises nothing across its minor versions, and a preview only itself. */
function versionsOf(tag: string): readonly string[] {
  const [, major, minor, patch, preview] =
    /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/.exec(tag) ?? [];
  if (major === undefined) return [];
  if (preview !== undefined) return [`${major}.${minor}.${patch}-${preview}`];
  const shorter = [`${major}.${minor}`, ...(major === "0" ? [] : [major])];
  return [`${major}.${minor}.${patch}`, ...shorter];
}
