import {
  ecrToken,
  forgetToken,
  imagesByTag,
  parseEcrHost,
  type Ecr,
  type EcrToken,
  type Engine,
  type ImageDetails,
  type RemoteImage,
  type RepositoryInfo,
} from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Problem, type Schema } from "tsbuildout/recipe";
import { withElsewhere } from "./ecr-elsewhere.js";
import { tagsAsked } from "./ecr-configure.js";
import { isDenied } from "./ecr-repository.js";
import { isRefusal, pushUnder } from "./registry-push.js";

type Installing = InstallContext<Schema>;

export interface Publication {
  readonly engine: Engine;
  readonly ecr: Ecr;
  /** As the engine has it. */
  readonly image: ImageDetails;
  readonly repository: string;
  /** Undefined where the credentials may not describe it. */
  readonly info: RepositoryInfo | undefined;
  readonly tags: readonly string[];
  /** Registry's host in the place of what ECR says of itself. */
  readonly host?: string | undefined;
}

export interface Published {
  /** `123456789012.dkr.ecr.eu-west-1.amazonaws.com/app` */
  readonly uri: string;
  readonly digest: string;
  /** Those that held another image before, or none. */
  readonly pushed: readonly string[];
}

/** Brings an image under its tags into one region's repository; what is there already is not sent.
 *  @throws a problem `ecr/immutable-tag`, `ecr/push-denied`, … */
export async function publish(context: Installing, publication: Publication): Promise<Published> {
  const { ecr, image, repository, tags } = publication;
  const there = await remoteTags(context, publication);
  const missing = tags.filter((tag) => !isSame(there.get(tag), image));
  if (publication.info?.immutable) refuseMoves(publication, missing, there);
  const uri = await uriOf(context, publication);
  const held = there.get(tags.find((tag) => !missing.includes(tag)) ?? "");
  if (missing.length === 0 && held) {
    context.log(
      `${uri}: ${tags.join(", ")} ${tags.length > 1 ? "are" : "is"} up to date in ${ecr.region}`,
      "note",
    );
    return { uri, digest: held.digest, pushed: [] };
  }
  let digest = held?.digest ?? "";
  for (const tag of missing) {
    const name = `${uri}:${tag}`;
    const before = heldBefore(context, name, there.get(tag));
    const { region } = ecr;
    await tellTwice(context, name, tag);
    await context.created({ kind: "ecr-tag", name, region, repository, tag, ...(before && { before }) });
    digest = await pushOne(context, publication, name);
  }
  return { uri, digest, pushed: missing };
}

/** Of two parts with one tag each takes it from the other, run by run: most often `latest`, which goes with other tags. */
async function tellTwice(context: Installing, name: string, tag: string): Promise<void> {
  const asked = await tagsAsked(context);
  // What is recorded may be asked for no more.
  const other = context.others().find(({ part, resources }) => {
    const pushed = resources.some((one) => one.kind === "ecr-tag" && one.name === name);
    return pushed && asked.get(part)?.includes(tag);
  });
  if (!other) return;
  context.warn({
    code: "ecr/tag-twice",
    message: `${name} is pushed by the part ${other.part}, too: each takes it from the other`,
    help: [tag === "latest" ? "set latest = false in one of them" : "give one of them another tag"],
    option: "repository",
  });
}

/** The digest that somebody else has under a tag until the part's own is there: a push that fails leaves it. */
function heldBefore(
  { record }: Installing,
  name: string,
  there: RemoteImage | undefined,
): string | undefined {
  const known = record?.resources.find((one) => one.kind === "ecr-tag" && one.name === name);
  return known ? known["before"] : there?.digest;
}

async function remoteTags(
  context: Installing,
  publication: Publication,
): Promise<ReadonlyMap<string, RemoteImage>> {
  const { ecr, engine, host, repository, tags } = publication;
  const { signal } = context;
  try {
    const known = (await imagesByTag(ecr, { repository, tags, signal })) ?? new Map<string, RemoteImage>();
    return await withElsewhere(known, { engine, ecr, host, repository, tags, signal });
  } catch (error) {
    if (!isDenied(error)) throw error;
    context.log("ecr:BatchGetImage is denied: pushing without knowing what is there", "note");
    return new Map();
  }
}

/** An engine knows an image by its configuration's digest, or by its manifest's; and under which digests it has been
 *  in some registry. */
function isSame(remote: RemoteImage | undefined, image: ImageDetails): boolean {
  if (!remote) return false;
  const digests = (image.RepoDigests ?? []).map((name) => name.split("@")[1]);
  return image.Id === remote.configDigest || image.Id === remote.digest || digests.includes(remote.digest);
}

function refuseMoves(
  { ecr, repository }: Publication,
  missing: readonly string[],
  there: ReadonlyMap<string, RemoteImage>,
): void {
  const held = missing.filter((tag) => there.has(tag));
  const [tag] = held;
  if (tag === undefined) return;
  throw new RecipeError({
    code: "ecr/immutable-tag",
    message: `repository "${repository}" in ${ecr.region} is immutable, and its tag "${tag}" is another image`,
    notes: held.map((tag) => `${tag} is ${there.get(tag)?.digest}`),
    help: ["push another tag, or take this one away from the repository first"],
    option: "tags",
  });
}

/** Where the repository is pushed to. An emulator may name AWS's hosts in its answers, but its token's own. */
async function uriOf(context: Installing, publication: Publication): Promise<string> {
  const { ecr, info, repository, host } = publication;
  if (host) return `${host}/${repository}`;
  const said = info?.uri;
  if (said && !(ecr.endpoint && parseEcrHost(said.split("/")[0] ?? ""))) return said;
  const token = await login(context, ecr);
  return said && parseEcrHost(token.host) ? said : `${token.host}/${repository}`;
}

async function login(context: Installing, ecr: Ecr): Promise<EcrToken> {
  const token = await ecrToken(ecr, context.signal);
  context.secret(token.password);
  return token;
}

async function pushOne(context: Installing, publication: Publication, reference: string): Promise<string> {
  const { engine, image, ecr } = publication;
  const serverAddress = reference.split("/")[0] ?? "";
  let token: EcrToken | undefined;
  try {
    return await pushUnder(context, {
      engine,
      image,
      reference,
      login: async (refused) => {
        if (refused && token) forgetToken(ecr, token);
        token = await login(context, ecr);
        return { username: token.username, password: token.password, serverAddress, origin: "ECR" };
      },
    });
  } catch (error) {
    throw isRefusal(error) ? pushDenied(error, reference) : error;
  }
}

function pushDenied(error: Error & { readonly problem: Problem }, reference: string): RecipeError {
  return new RecipeError(
    {
      code: "ecr/push-denied",
      message: `ECR denies the push of ${reference}`,
      notes: error.problem.notes ?? [],
      help: [
        "allow ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload and ecr:PutImage on the repository",
      ],
    },
    { cause: error },
  );
}
