import { parseReference } from "tsbuildout/docker";
import { option, OptionValueError } from "tsbuildout/recipe";
import { parseCacheOn } from "./build-cache-files.js";

const inPlace = true;

/** The options of docker.build's whole-image cache. It is on where `cache-repository` is set. */
export const cacheOptions = {
  "cache-repository": option.custom("repository", parseRepository, {
    doc: "A repository in which whole images are kept by a key of all that decides about them: a build whose key is there is pulled instead. `123456789012.dkr.ecr.eu-west-1.amazonaws.com/cache/app`, `registry.example:5000/cache/app`, or `ecr:cache/app` for the account and region of the AWS credentials. In ECR it is created where there is none.",
    inPlace,
  }),
  "cache-on": {
    kind: "files",
    doc: "The files that decide, one a line, instead of the whole context: paths, folders, patterns with `*`, `**`, `?`, `[…]`, `{…}`; one value of a JSON file by `package.json#.dependencies`; with `?` in front it may be missing. Empty, only the Dockerfile decides. They are looked for in the build's folder, then in the buildout's. The target, the platform, build arguments and labels always count.",
    inPlace,
    decode: (text: string) => parseCacheOn(text),
  },
  "cache-key-extra": option.string({
    doc: "Any text that goes into the key; another text is another image.",
    inPlace,
  }),
  "cache-base-digest": option.boolean({
    doc: "Whether the digests of the images that the Dockerfile starts from go into the key. Those that tsbuildout built always do.",
    default: "false",
    inPlace,
  }),
  "cache-repository-tags": option.pairs({
    doc: "Tags of the cache's repository in ECR, `KEY=VALUE` a line.",
    inPlace,
  }),
  "max-age-days": option.integer({
    doc: "In ECR, cached images expire so many days after their push. Default: 7 for a repository that is created; one that was there keeps its own policy unless this is set.",
    inPlace,
  }),
  "skip-pull": option.boolean({
    doc: "Where the image is in the cache, be content with that: do not fetch it. The output `image` is then its name in the cache.",
    default: "false",
    inPlace,
  }),
  "cache-tag-prefix": option.custom("tag", parsePrefix, {
    doc: "Goes before the key, and before `latest`, in the tags of the cache: for several images in one repository.",
    inPlace,
  }),
  "cache-push-required": option.boolean({
    doc: "Whether a build fails when its image cannot be pushed into the cache; otherwise that is a warning.",
    default: "true",
    inPlace,
  }),
};

function parseRepository(text: string): string {
  if (/^ecr:[a-z0-9][a-z0-9._/-]*$/.test(text)) return text;
  try {
    const { tag, digest } = parseReference(text);
    if (!tag && !digest) return text;
  } catch (error) {
    throw new OptionValueError((error as Error).message);
  }
  throw new OptionValueError(`"${text}" has a tag, and tags are what the cache makes`, ["leave the tag out"]);
}

function parsePrefix(text: string): string {
  if (/^\w[\w.-]{0,63}$/.test(text)) return text;
  throw new OptionValueError(`"${text}" cannot begin a tag`, ["letters, digits, _ . and -, at most 64"]);
}
