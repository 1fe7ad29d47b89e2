import { inspectImage, openEcr, type Ecr, type Engine, type ImageDetails } from "tsbuildout/docker";
import {
  defineRecipe,
  option,
  RecipeError,
  type InputsContext,
  type InstallContext,
  type Outputs,
} from "tsbuildout/recipe";
import { configureEngine, engineOf, engineOptions, isOfBuildout } from "./common.js";
import { configureEcrPush, imageOf, repositoryOf, tagsToPush } from "./ecr-configure.js";
import { accessOf, accessOptions } from "./ecr-options.js";
import { publish, type Published } from "./ecr-publish.js";
import { ensureRepository, repositoryOptions, settingsOf } from "./ecr-repository.js";
import { lookAtEcr, removeStaleTags, removeTagsOf } from "./ecr-tags.js";
import { idByMaker } from "./image-share.js";
import { forgetNames } from "./registry-push.js";

const inPlace = true;

const options = {
  ...engineOptions,
  image: option.string({
    doc: "The image to push, as the engine knows it; or the name of the part that builds it. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    inPlace,
  }),
  repository: option.string({
    doc: "Repository in ECR. Default: the image's name, without registry and tag.",
    aliases: ["ecr_repo_name"],
    inPlace,
  }),
  tag: option.string({ doc: "A tag to push under. Default: the tag of the image.", inPlace }),
  tags: option.words({ doc: "Further tags to push under.", inPlace }),
  latest: option.choice(["auto", "true", "false"], {
    doc: "Whether to push as `latest`, too: `auto` does so unless the tags of the repository are immutable.",
    default: "auto",
    inPlace,
  }),
  registry: option.string({
    doc: "Host to push to in the place of the one that ECR names: for a VPC endpoint's or an emulator's registry under another name.",
    inPlace,
  }),
  ...accessOptions,
  ...repositoryOptions,
};

export default defineRecipe({
  doc: "Publishes an image in Amazon ECR: makes the repository where there is none, logs in with AWS credentials, and pushes the image under its tags, in one region or several. What a repository holds already is not sent again. What was published stays when the part goes, unless `keep = false`.",
  options,
  outputs: {
    "repository-uri": {
      doc: "The repository, as image references have it; the first region's, where there are several.",
    },
    "repository-uris": { doc: "The repositories of all regions, one a line." },
    image: { doc: "The image in the registry, with its first tag." },
    digest: { doc: "Digest of its manifest, `sha256:…`." },
    tags: { doc: "The tags that were asked for, and `latest` where it goes with them." },
    regions: { doc: "The regions." },
    repository: { doc: "The repository's name." },
  },
  keep: true,
  async configure(context) {
    configureEngine(context);
    await configureEcrPush(context);
  },
  async inputs(context) {
    const region = context.options.region?.length ? undefined : await regionAround(context);
    const image = context.text("image-id") ? undefined : await imageInput(context);
    return { ...(region && { region }), ...(image && { image }) };
  },
  look: lookAtEcr,
  install: publishAll,
  update: publishAll,
  uninstall: removeTagsOf,
});

/** What a part of the buildout has built is told by its id; of other images what the engine has under the name. */
async function imageInput(context: InputsContext<typeof options>): Promise<string | undefined> {
  const image = await inspectImage(await engineOf(context), imageOf(context), context.signal);
  // An engine that has lost the image since has nothing new to publish.
  return image?.Id ?? context.record?.inputs["image"];
}

/** Where the part names no region, that of the environment or the profile: in another one nothing is published yet. */
async function regionAround(context: InputsContext<typeof options>): Promise<string | undefined> {
  const { buildout, env, options, record } = context;
  // Where there is none, it is said when something is published.
  const ecr = buildout.offline
    ? undefined
    : await openEcr(accessOf(options, undefined), env).catch(() => undefined);
  return ecr?.region ?? record?.inputs["region"];
}

async function publishAll(context: InstallContext<typeof options>): Promise<Outputs> {
  const { options } = context;
  const engine = await engineOf(context);
  await forgetNames(context, engine);
  const image = await localImage(context, engine);
  const regions = options.region?.length ? options.region : [undefined];
  const published: (Published & { readonly region: string; readonly tags: readonly string[] })[] = [];
  for (const region of regions) {
    const ecr = await openEcr(accessOf(options, region), context.env);
    published.push({ ...(await publishIn(context, { engine, ecr, image })), region: ecr.region });
  }
  await removeStaleTags(context, published);
  const [first] = published;
  const tags = first?.tags ?? [];
  return {
    "repository-uri": first?.uri ?? "",
    "repository-uris": published.map(({ uri }) => uri).join("\n"),
    image: `${first?.uri}:${tags[0]}`,
    digest: first?.digest ?? "",
    tags: tags.join(" "),
    regions: published.map(({ region }) => region).join(" "),
    repository: repositoryOf({ ...options, image: imageOf(context) }) ?? "",
  };
}

interface Region {
  readonly engine: Engine;
  readonly ecr: Ecr;
  readonly image: ImageDetails;
}

function anotherNow(image: string): RecipeError {
  return new RecipeError({
    code: "image/missing",
    message: `image ${image} is not the one that this buildout has made any more: somebody else has built under that name`,
    option: "image",
    help: ["run again, which builds it anew; jobs that share an engine need names of their own"],
  });
}

async function publishIn(context: InstallContext<typeof options>, region: Region) {
  const options = { ...context.options, image: imageOf(context) };
  const repository = repositoryOf(options) ?? "";
  const settings = await settingsOf(context, options);
  const wish = { repository, create: options["create-repository"], settings };
  const info = await ensureRepository(context, region.ecr, wish);
  const tags = tagsToPush(options, info?.immutable ?? false);
  const published = await publish(context, { ...region, repository, info, tags, host: options.registry });
  return { ...published, tags };
}

async function localImage(context: InstallContext<typeof options>, engine: Engine): Promise<ImageDetails> {
  const image = imageOf(context);
  // By its id: another checkout may build under the name meanwhile.
  const ids = [context.text("image-id"), idByMaker(context, image)].flatMap((id) => id || []);
  for (const id of ids) {
    const found = await inspectImage(engine, id, context.signal);
    if (found) return found;
  }
  const named = await inspectImage(engine, image, context.signal);
  // An id may change with the engine's image store, the labels stay; containerd's forgets an image that has lost its name.
  if (named && (ids.length === 0 || isOfBuildout(named.Config?.Labels, context))) return named;
  if (named) throw anotherNow(image);
  throw new RecipeError({
    code: "image/missing",
    message: `the engine has no image ${image}`,
    help: ["name an image that is there, or the part that builds it"],
    option: "image",
  });
}
