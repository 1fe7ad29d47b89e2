import {
  familiarReference,
  hasRegistry,
  parseReference,
  withDefaultTag,
  type Reference,
} from "tsbuildout/docker";
import { RecipeError } from "tsbuildout/recipe";

export interface Names {
  readonly name: string;
  /** The option that `name` is the value of, where that is another one. */
  readonly named?: string;
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
  const { name, named = "name", tag, tags = [], registry } = names;
  const base = registry ? withRegistry(name, registry) : name;
  if (names.digests && base.includes("@")) {
    if (tag) throw tagBesideDigest(name);
    return [familiarReference(parse(base, named))];
  }
  const repository = (): Reference => nameToGive(base, named);
  const first = tag ? oneReference(repository, tag, "tag") : complete(base, named);
  const others = tags.map((one) => oneReference(repository, one, "tags"));
  return [first, ...others.filter((one, at) => one !== first && others.indexOf(one) === at)];
}

/** `app` of the registry `host:5000` is `host:5000/app`; a name that has it already stays as it is. */
function withRegistry(name: string, registry: string): string {
  const host = registry.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, "");
  if (!hasRegistry(`${host}/x`)) {
    throw new RecipeError({
      code: "reference/invalid",
      message: `"${registry}" is not a registry's host`,
      help: [
        "a registry's host has a dot or a port, or is localhost; a user of Docker Hub goes before the name",
      ],
      option: "registry",
    });
  }
  parse(`${host}/x`, "registry");
  if (!hasRegistry(name)) return `${host}/${name}`;
  if (name.startsWith(`${host}/`)) return name;
  throw new RecipeError({
    code: "reference/invalid",
    message: `"${name}" names a registry of its own, which is not ${host}`,
    help: ["give the name without it; what docker.push is to call an image there is said by repository"],
    option: "registry",
  });
}

/** A bare tag goes to the repository of the name; a whole reference stands for itself, whatever the name is. */
function oneReference(repository: () => Reference, text: string, option: string): string {
  if (/[/:]/.test(text)) return complete(text, option);
  const { domain, path } = repository();
  return familiarReference(parse(familiarReference({ domain, path, tag: text }), option));
}

const complete = (text: string, option: string): string =>
  familiarReference(withDefaultTag(nameToGive(text, option)));

function nameToGive(text: string, option: string): Reference {
  const reference = parse(text, option);
  if (reference.digest) {
    throw new RecipeError({
      code: "reference/invalid",
      message: `"${text}" is the digest of an image that is there already, not a name to give`,
      option,
    });
  }
  return reference;
}

/** An engine looks at the digest alone. Within a name the docker CLI takes both, for people to read; an option is meant. */
function tagBesideDigest(name: string): RecipeError {
  return new RecipeError({
    code: "option/conflict",
    message: `"${name}" says by its digest which image is meant, and tag by a tag`,
    help: ["leave one of them away; for those who read it, a tag may stand before the @"],
    option: "tag",
  });
}

function parse(text: string, option: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    throw new RecipeError(
      { code: "reference/invalid", message: error instanceof Error ? error.message : String(error), option },
      { cause: error },
    );
  }
}
