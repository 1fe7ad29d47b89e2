import { familiarName, parseReference } from "tsbuildout/docker";
import { option, RecipeError, type OptionsOf } from "tsbuildout/recipe";
import { referencesOf } from "./build-names.js";
import { registryOptions } from "./registry-options.js";

const inPlace = true;

export const pushOptions = {
  ...registryOptions,
  registry: { ...registryOptions.registry, inPlace },
  name: option.string({
    doc: "The image to push, as it is called on the engine: `app`, `app:1.2`, or, with `repository`, an id or a digest, `$<pulled:image>`. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    aliases: ["image"],
    inPlace,
  }),
  tag: option.string({
    doc: "Tag of the image, here and, unless `repository` has another one, there. Default: the one in the name, else `latest`; of an id or a digest, the first of `tags`.",
    inPlace,
  }),
  tags: option.words({
    doc: "Further tags that it gets in the registry, beside its own: of `app:latest` that is `latest`. An image that is given by its id, `$<app:image-id>` with `repository`, has none and gets these alone.",
    inPlace,
  }),
  repository: option.string({
    doc: "What it is called in the registry; a tag may go with it. Default: its name here.",
    inPlace,
  }),
  platform: option.string({
    doc: "Push the image for this platform alone, of several that the engine has under the name (engine 27 with containerd's image store).",
    inPlace,
  }),
  "all-tags": option.boolean({
    doc: "Push every tag that the engine has of the repository.",
    default: "false",
    inPlace,
  }),
};

export type PushOptions = OptionsOf<typeof pushOptions>;

export interface Targets {
  /** What is pushed: a reference or an id on the engine. */
  readonly source: string;
  /** What it is called in the registry; the first one is the image's own. */
  readonly targets: readonly [string, ...string[]];
}

const ID = /^(sha256:)?[0-9a-f]{64}$/;

/** @throws a problem `reference/invalid` */
export function pushTargets(options: PushOptions): Targets {
  const { name, tag, tags, registry, repository } = options;
  const { source, known, ownTag } = sourceOf(options);
  const there = repository === undefined ? { name: known } : { name: repository, named: "repository" };
  // What has no tag of its own is pushed under those that are asked for alone: `latest` is not moved by the way.
  // Here such a tag means nothing, so that it is one for there.
  const only = ownTag === undefined ? (tag ?? []) : [];
  const [first, ...further] = [tagIn(repository) ?? tag ?? ownTag ?? [], only, tags].flat();
  if (repository === undefined && known !== name && first === undefined)
    throw unnamed(name, "set repository, tag or tags");
  return { source, targets: referencesOf({ ...there, tag: first, tags: further, registry }) };
}

/** A repository that is written with a tag is meant with it. */
function tagIn(repository: string | undefined): string | undefined {
  if (repository === undefined) return undefined;
  const [reference] = referencesOf({ name: repository, named: "repository" });
  return /:[^/]*$/.test(repository) ? reference.slice(reference.lastIndexOf(":") + 1) : undefined;
}

interface Source {
  readonly source: string;
  /** What the repository is called here. */
  readonly known: string;
  readonly ownTag?: string | undefined;
}

function sourceOf({ name, tag, repository }: PushOptions): Source {
  if (ID.test(name)) {
    if (repository === undefined) throw unnamed(name, "set repository");
    return { source: name.replace(/^(sha256:)?/, "sha256:"), known: name };
  }
  if (name.includes("@")) {
    const [source] = referencesOf({ name, digests: true });
    const { tag: ownTag, ...repositoryHere } = parseReference(source);
    return { source, known: familiarName(repositoryHere), ownTag };
  }
  const [source] = referencesOf({ name, tag });
  return { source, known: name, ownTag: source.slice(source.lastIndexOf(":") + 1) };
}

function unnamed(name: string, help: string): RecipeError {
  return new RecipeError({
    code: "reference/invalid",
    message: `${name} is ${ID.test(name) ? "an id" : "a digest"}: what is it to be called in the registry?`,
    help: [help],
    option: "name",
  });
}
