import { option, RecipeError, type OptionsOf } from "tsbuildout/recipe";
import { referencesOf } from "./build-names.js";
import { registryOptions } from "./registry-options.js";

const inPlace = true;

export const pushOptions = {
  ...registryOptions,
  name: option.string({
    doc: "The image to push, as it is called on the engine: `app`, `app:1.2`, or an id together with `repository`. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    aliases: ["image"],
    inPlace,
  }),
  tag: option.string({
    doc: "Tag of the image, here and there. Default: the one in the name, else `latest`.",
    inPlace,
  }),
  tags: option.words({ doc: "Further tags that it gets in the registry.", inPlace }),
  repository: option.string({ doc: "What it is called in the registry. Default: its name here.", inPlace }),
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
  const id = ID.test(name);
  if (id && repository === undefined) {
    throw new RecipeError({
      code: "reference/invalid",
      message: `${name} is an id: what is it to be called in the registry?`,
      help: ["set repository"],
      option: "name",
    });
  }
  const source = id ? name.replace(/^(sha256:)?/, "sha256:") : referencesOf({ name, tag })[0];
  const ownTag = id ? undefined : source.slice(source.lastIndexOf(":") + 1);
  const there = repository === undefined ? { name } : { name: repository, named: "repository" };
  return { source, targets: referencesOf({ ...there, tag: tag ?? ownTag, tags, registry }) };
}
