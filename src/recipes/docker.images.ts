import { relative, sep } from "node:path";
import { defineRecipe, RecipeError, type ConfigureContext, type Schema } from "tsbuildout/recipe";
import { commitState, type CommitState } from "./commit-state.js";
import { imageFolders, type ImageFolder } from "./images-folder.js";
import { BUILD_OPTIONS, ECR_OPTIONS, imagesOptions, REGISTRY_OPTIONS } from "./images-options.js";
import { tagsOfCommit } from "./images-tags.js";

type Configure = ConfigureContext<typeof imagesOptions>;

export default defineRecipe({
  doc: "Builds, and with `push` publishes, a folder of images: every subfolder with a Dockerfile becomes a part `<part>.<subfolder>` (docker.build) and, where it is pushed, a part `<part>.<subfolder>.push` (docker.ecr-push or docker.push). They are parts like any other, in plans, in the status and in the graph (`tsbuildout install all.app`, `tsbuildout query all.app.push:digest`), and a section of the same name in the file changes their options. An image is called like its subfolder; one that starts from another one's (`FROM base`) is built after it. The options of docker.build and of the pushing recipe are given here for all images.",
  options: imagesOptions,
  outputs: {
    parts: { doc: "The parts that build, in the order of their names." },
    tags: { doc: "The tags that are pushed." },
  },
  computed: { images: "The subfolders.", "made-tags": "The tags that are pushed." },
  configure: async (context) => {
    try {
      await generate(context);
    } catch (error) {
      if (!(error instanceof RecipeError)) throw error;
      context.fail(error.problem);
    }
  },
  install: async (context) => await outputs(context),
  update: async (context) => await outputs(context),
  look: async () => await Promise.resolve(new Map()),
});

async function outputs(context: { readonly part: string; text(option: string): string | undefined }) {
  const images = (context.text("images") ?? "").split(" ").filter(Boolean);
  const parts = images.map((name) => `${context.part}.${name}`).join(" ");
  return await Promise.resolve({ parts, tags: context.text("made-tags") ?? "" });
}

async function generate(context: Configure): Promise<void> {
  const { directory, dockerfile = "Dockerfile", exclude = [], push } = context.options;
  if (directory === undefined) throw late("directory");
  const folders = await imageFolders({ directory, dockerfile, exclude });
  const tags = push === "no" ? [] : await tagsOf(context, directory);
  context.compute("images", folders.map(({ name }) => name).join(" "), { inPlace: true });
  context.compute("made-tags", tags.join(" "), { inPlace: true });
  for (const folder of folders) {
    context.addPart(`${context.part}.${folder.name}`, buildPart(context, folder));
    // Without a tag it would be pushed as `latest`, which is not asked for on this branch.
    if (tags.length === 0) continue;
    if (push === "ecr")
      context.addPart(`${context.part}.${folder.name}.push`, ecrPart(context, folder, tags));
    if (push === "registry")
      context.addPart(`${context.part}.${folder.name}.push`, registryPart(context, folder, tags));
  }
}

/** Which parts there are must be known before anything is installed. */
function late(option: string): RecipeError {
  return new RecipeError({
    code: "option/value",
    message: `${option} cannot wait for another part's install`,
    option,
  });
}

const DEFAULT_TAGS = ["latest", "slug", "sha"];

async function tagsOf(context: Configure, directory: string): Promise<readonly string[]> {
  const { env, options } = context;
  const asked = options.tags ?? [];
  const commit: CommitState = await context.shared(`commit of ${directory}`, async (signal) =>
    commitState({ directory, env, signal }),
  );
  const branch = options["default-branch"];
  const said = { ...commit, ...(branch && { defaultBranch: branch }) };
  const { tags, unknown } = tagsOfCommit(asked.length > 0 ? asked : DEFAULT_TAGS, said);
  const [first] = unknown;
  if (asked.length > 0 && first !== undefined)
    throw new RecipeError({
      code: "images/no-commit",
      message: `the tag ${first} cannot be made: neither a CI nor git says what is being built`,
      help: ["run it in a checkout of git, or give the tags themselves"],
      option: "tags",
    });
  const bad = tags.find((tag) => !/^\w[\w.-]{0,127}$/.test(tag));
  if (bad !== undefined)
    throw new RecipeError({ code: "images/tag", message: `"${bad}" is not a tag`, option: "tags" });
  return tags.length > 0 || asked.length > 0 ? tags : ["latest"];
}

function buildPart(context: Configure, { path, image }: ImageFolder): Record<string, string> {
  const { push, "repository-prefix": prefix } = context.options;
  return {
    recipe: "docker.build",
    source: literal(sourceOf(context, path)),
    name: image,
    // So that `FROM registry/prefix/base` means the image of the subfolder, too.
    ...(push === "registry" && prefix && { tags: `${prefix}/${image}:latest` }),
    // One repository for the caches of all: each image has its own latest there.
    ...(context.text("cache-repository") && { "cache-tag-prefix": `${image}-` }),
    ...passedOn(context, BUILD_OPTIONS),
    ...passedOn(context, ENGINE_WIDE),
  };
}

function ecrPart(context: Configure, folder: ImageFolder, tags: readonly string[]): Record<string, string> {
  return {
    ...pushPart(context, folder, tags),
    recipe: "docker.ecr-push",
    image: `${context.part}.${folder.name}`,
    latest: "false",
    ...passedOn(context, ECR_OPTIONS),
  };
}

function registryPart(
  context: Configure,
  folder: ImageFolder,
  tags: readonly string[],
): Record<string, string> {
  return {
    ...pushPart(context, folder, tags),
    recipe: "docker.push",
    // By its id: of its own tag here, nothing is pushed.
    name: `$<${context.part}.${folder.name}:image-id>`,
    ...passedOn(context, REGISTRY_OPTIONS),
  };
}

function pushPart(
  context: Configure,
  { image }: ImageFolder,
  tags: readonly string[],
): Record<string, string> {
  const prefix = context.options["repository-prefix"];
  const [tag = "", ...more] = tags;
  return {
    repository: prefix ? `${prefix}/${image}` : image,
    tag,
    tags: more.join(" "),
    ...passedOn(context, ENGINE_WIDE),
  };
}

/** As one would write it: a checkout that is moved has nothing to be built anew. */
function sourceOf({ buildout }: Configure, path: string): string {
  const within = relative(buildout.directory, path);
  return within === ".." || within.startsWith(`..${sep}`) ? path : `./${within}`;
}

const ENGINE_WIDE = ["keep", "timeout", "keep-on-error"];

/** The options that the file gives for all images; defaults are each recipe's own. */
function passedOn(context: Configure, names: readonly string[]): Record<string, string> {
  const schema: Schema = imagesOptions;
  const texts = names.map((name) => [name, context.text(name)] as const);
  return Object.fromEntries(
    texts.flatMap(([name, text]) =>
      text === undefined || text === schema[name]?.default ? [] : [[name, literal(text)]],
    ),
  );
}

/** A text that is resolved already, in the form in which it is not resolved again. */
function literal(text: string): string {
  return text.replace(/\$(?=[<{])/g, "$$$$");
}
