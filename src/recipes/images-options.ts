import { option, OptionValueError, type Schema } from "tsbuildout/recipe";
import { buildOptions } from "./build-options.js";
import { engineOptions } from "./common.js";
import { accessOptions } from "./ecr-options.js";
import { repositoryOptions } from "./ecr-repository.js";
import { registryOptions } from "./registry-options.js";

/** What differs from image to image cannot be said for all of them. */
const OF_ONE = ["name", "tag", "tags", "source", "dockerfile-inline", "custom-context"] as const;

const forAll = without(buildOptions, OF_ONE);

/** The option would mean two things: how long a cache keeps images, and how long a repository keeps what was published. */
const { "max-age-days": _, ...publishing } = repositoryOptions;

export const imagesOptions = {
  ...forAll,
  ...registryOptions,
  ...accessOptions,
  ...publishing,
  directory: option.path({
    doc: "The folder whose subfolders are images: each one with a Dockerfile becomes a part that builds it.",
    default: "$<buildout:directory>",
  }),
  exclude: option.words({ doc: "Subfolders that are left out: names, or patterns such as `old-*`." }),
  push: option.choice(["ecr", "registry", "no"], {
    doc: "Where the images are pushed to: `ecr` (see docker.ecr-push), `registry` (see docker.push), or nowhere.",
    default: "no",
  }),
  "repository-prefix": option.custom("prefix", parsePrefix, {
    doc: "Goes before the subfolder's name in the repositories that are pushed to: `team` for `team/app`; with `push = registry` it may name the registry, `registry.example:5000/team`.",
  }),
  tags: option.words({
    doc: "The tags that are pushed: `latest` (on the default branch only, and for no pull or merge request), `slug` (the branch or tag of git, made fit for a tag), `sha`, `short-sha`, `semver` (`1.2.3`, `1.2` and `1` of the git tag `v1.2.3`), and any others as they are. They come from the variables of GitLab, GitHub, Buildkite or CircleCI, else from git. Where none comes of them (`latest` on another branch, `semver` without such a tag of git) nothing is pushed. Without `push` they mean nothing. Default: `latest slug sha`, as far as they are known.",
  }),
  "default-branch": option.string({
    doc: "The branch that gets `latest`. Default: what the CI says, then git's `origin/HEAD`, then `main` or `master`.",
  }),
};

export const BUILD_OPTIONS: readonly string[] = Object.keys(forAll);
export const REGISTRY_OPTIONS: readonly string[] = Object.keys(registryOptions);
export const ECR_OPTIONS: readonly string[] = [
  engineOptions,
  accessOptions,
  publishing,
  { registry: 0 },
].flatMap(Object.keys);

function without<S extends Schema, K extends keyof S>(schema: S, names: readonly K[]): Omit<S, K> {
  const left = Object.entries(schema).filter(([name]) => !(names as readonly string[]).includes(name));
  return Object.fromEntries(left) as unknown as Omit<S, K>;
}

function parsePrefix(text: string): string {
  const prefix = text.replace(/\/+$/, "");
  if (/^[a-z0-9][a-z0-9._:/-]*$/.test(prefix)) return prefix;
  throw new OptionValueError(`"${text}" cannot begin a repository's name`, [
    "lower case letters, digits, and . _ - / between them",
  ]);
}
