import { familiarReference, parseReference, withDefaultTag } from "tsbuildout/docker";
import { RecipeError } from "tsbuildout/recipe";

export interface Names {
  readonly name: string;
  readonly tag?: string | undefined;
  readonly tags?: readonly string[];
  /** Registry that goes before the name; Docker Hub unless said. */
  readonly registry?: string | undefined;
  /** Whether a digest may stand in the place of a tag: where an image is fetched rather than made. */
  readonly digests?: boolean;
}

/**
 * The references that `name`, `tag` and `tags` mean, in the form that people write, without repetitions; the first is
 * the image's own.
 * @throws a problem `reference/invalid`
 */
export function referencesOf(names: Names): readonly [string, ...string[]] {
  const { name, tag, tags = [], registry } = names;
  const base = withRegistry(name, registry);
  if (names.digests && base.includes("@")) return [familiarReference(parse(base, "name"))];
  const first = tag ? oneReference(base, tag, "tag") : complete(base, "name");
  const others = tags.map((one) => oneReference(base, one, "tags"));
  return [first, ...others.filter((one, at) => one !== first && others.indexOf(one) === at)];
}

/** `app` of the registry `host:5000` is `host:5000/app`; a name that has it already stays as it is. */
function withRegistry(name: string, registry: string | undefined): string {
  const host = registry?.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, "");
  if (!host || /^(index\.)?docker\.io(\/|$)/.test(host) || name.startsWith(`${host}/`)) return name;
  return `${host}/${name}`;
}

/** A bare tag goes to the repository of the name; a whole reference stands for itself. */
function oneReference(base: string, text: string, option: string): string {
  if (/[/:]/.test(text)) return complete(text, option);
  const { domain, path } = parse(base, "name");
  return familiarReference(parse(familiarReference({ domain, path, tag: text }), option));
}

function complete(text: string, option: string): string {
  const reference = parse(text, option);
  if (reference.digest) {
    throw new RecipeError({
      code: "reference/invalid",
      message: `"${text}" is the digest of an image that is there already, not a name to give`,
      option,
    });
  }
  return familiarReference(withDefaultTag(reference));
}

function parse(text: string, option: string): ReturnType<typeof parseReference> {
  try {
    return parseReference(text);
  } catch (error) {
    throw new RecipeError(
      { code: "reference/invalid", message: error instanceof Error ? error.message : String(error), option },
      { cause: error },
    );
  }
}
