import { imageKey, parseEcrHost, parseReference, repositoryNameFault } from "tsbuildout/docker";
import {
  RecipeError,
  type ConfigureContext,
  type Context,
  type Problem,
  type Schema,
} from "tsbuildout/recipe";
import { accessFault, rememberKeys, type AccessValues } from "./ecr-options.js";
import { settingsOf, type RepositoryValues } from "./ecr-repository.js";

export interface PushValues extends AccessValues {
  readonly image: string;
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
  readonly tags: readonly string[];
  readonly latest: "auto" | "true" | "false";
}

type Configure = ConfigureContext<Schema> & {
  readonly options: Partial<PushValues & RepositoryValues>;
};

/** Finds the image's part, and every mistake that can be found before anything is done. */
export async function configureEcrPush(context: Configure): Promise<void> {
  const { options } = context;
  const { image } = options;
  const isPart = image !== undefined && (await findImagePart(context, image));
  const { repository } = options;
  const names = nameProblems({ ...(!isPart && image && { image }), ...(repository && { repository }) });
  const fault = accessFault(options);
  if (fault) context.fail({ code: "ecr/credentials", ...fault });
  else await rememberKeys(context, options);
  for (const problem of [...names, ...tagProblems(options)]) context.fail(problem);
  if (image !== undefined && !["tag", "tags", "latest"].some((name) => context.unknown.has(name)))
    (await tagsAsked(context)).set(context.part, tagsToPush(options as PushValues, false));
  try {
    await settingsOf(context, options);
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    context.fail(error.problem);
  }
}

/** The tags that the parts of this run may push. */
export async function tagsAsked({
  shared,
}: Pick<Context, "shared">): Promise<Map<string, readonly string[]>> {
  return await shared("ecr tags asked for", () => new Map());
}

/** A part's name stands for the image that it makes; anything else is the image's own name, which a part may provide.
 *  @returns whether it is a part's name */
async function findImagePart(context: Configure, image: string): Promise<boolean> {
  if (image !== context.part && context.hasSection(image)) {
    const made = await context.reference(image, "image");
    const id = await context.reference(image, "image-id");
    if (made && id) {
      context.needs(image, "pushes its image");
      context.compute("image", made.text, { inPlace: true });
      context.compute("image-id", id.text, { inPlace: true });
      return true;
    }
  }
  try {
    context.uses(imageKey(image), "pushes it");
  } catch {
    // An id, or a mistake that the repository's name shows.
  }
  return false;
}

/** The image's name or id, where the option gives a part. */
export function imageOf(context: { text(option: string): string | undefined }): string {
  return context.text("image") ?? "";
}

function nameProblems({ image, repository }: Partial<PushValues>): Problem[] {
  if (image === undefined && repository === undefined) return [];
  const name = repositoryOf({ image: image ?? "", repository });
  if (name === undefined)
    return [
      {
        code: "ecr/repository-name",
        message: `"${image}" does not say how the repository is called`,
        help: ['set the option "repository"'],
        option: "image",
      },
    ];
  const [host = "", ...path] = name.split("/");
  const registry = parseEcrHost(host);
  if (registry && path.length > 0)
    return [
      {
        code: "ecr/repository-name",
        message: `"${name}" is a repository's address; "repository" takes its name in the registry`,
        help: [`set "repository" to ${path.join("/")}, and "region" to ${registry.region}`],
        option: "repository",
      },
    ];
  const fault = repositoryNameFault(name);
  if (!fault) return [];
  return [
    {
      code: "ecr/repository-name",
      message: `ECR has no repositories called "${name}": ${fault}`,
      help: ['set "repository" to a name such as team/app'],
      option: repository === undefined ? "image" : "repository",
    },
  ];
}

function tagProblems({ tag, tags = [] }: Partial<PushValues>): Problem[] {
  const all = [...(tag ? [[tag, "tag"] as const] : []), ...tags.map((one) => [one, "tags"] as const)];
  return all
    .filter(([text]) => !/^\w[\w.-]{0,127}$/.test(text))
    .map(([text, option]) => ({
      code: "ecr/tag",
      message: `"${text}" is not a tag`,
      help: ["a tag has letters, digits, _ . and -, at most 128, and begins with none of . and -"],
      option,
    }));
}

/** The repository's name in ECR; undefined where the image has no name to take it from. */
export function repositoryOf({
  image,
  repository,
}: Pick<PushValues, "image" | "repository">): string | undefined {
  if (repository) return repository;
  try {
    const { path } = parseReference(image);
    return path.replace(/^library\//, "");
  } catch {
    return undefined;
  }
}

/** The tags that are asked for, and `latest` where it goes with them. */
export function tagsToPush(values: PushValues, immutable: boolean): string[] {
  const asked = [...(values.tag ? [values.tag] : []), ...values.tags];
  const tags = asked.length > 0 ? asked : [tagOf(values.image) ?? "latest"];
  const latest = values.latest === "true" || (values.latest === "auto" && !immutable);
  return [...new Set([...tags, ...(latest ? ["latest"] : [])])];
}

function tagOf(image: string): string | undefined {
  try {
    return parseReference(image).tag;
  } catch {
    return undefined;
  }
}
