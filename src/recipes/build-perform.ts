import {
  BuildReport,
  buildByEngine,
  DockerError,
  familiarReference,
  imageKey,
  inspectImage,
  openSession,
  parseReference,
  registryConfig,
  repoDigest,
  settingsWithLogins,
  type BuildSpec,
  type Credentials,
  type Engine,
  type Listener,
  type SharedFolder,
} from "tsbuildout/docker";
import { RecipeError, type Context, type InstallContext, type Problem } from "tsbuildout/recipe";
import { blame, spokenOf } from "./blame.js";
import { imagesTaken } from "./build-contexts.js";
import { viaBuildx } from "./build-buildx.js";
import { builderFor, isInline, needsOf, warnOfIgnored } from "./build-needs.js";
import { sshAgents } from "./build-ssh.js";
import { readSecrets } from "./build-secrets.js";
import { specOf, type BuildOptions } from "./build-spec.js";
import type { BuildFiles } from "./build-opened.js";
import type { buildOptions } from "./build-options.js";
import { namesInEngine, namesPut } from "./build-output.js";
import { heirOf, isOurs } from "./common.js";
import { loginAt } from "./login.js";
import { isReference } from "./names.js";
import { proxiesFor } from "./proxies.js";

type Install = InstallContext<typeof buildOptions>;

export interface Built {
  readonly id: string;
  /** Of the manifest, where it is known. */
  readonly digest: string | undefined;
}

export interface Building {
  readonly engine: Engine;
  readonly options: BuildOptions;
  readonly files: BuildFiles;
}

/** Builds the image, with whichever builder fits. @throws a problem `build/…` or `engine/…` */
export async function performBuild(context: Install, building: Building): Promise<Built> {
  const { engine, options, files } = building;
  const { builder, buildx } = await builderFor(context, building);
  const spec = specOf(context, options);
  const quiet: Listener = { log: () => undefined, progress: (progress) => context.progress(progress) };
  const report = new BuildReport(options.quiet ? quiet : context);
  await warnOfIgnored(context, { builder, engine, spec, options, dockerfile: files.dockerfile.content });
  try {
    if (builder !== "buildx") {
      const id = await viaEngine(context, { ...building, builder, spec, report });
      return await identified(context, engine, { id });
    }
    await files.tell?.();
    const env = await loginEnvironment(context, building);
    const { digest } = await viaBuildx(context, { ...building, command: buildx ?? [], spec, report, env });
    return await identified(context, engine, { id: digest, digest });
  } catch (error) {
    context.signal.throwIfAborted();
    if (isOfTheFiles(error)) throw blame(error, "source");
    if (!isOfTheBuild(error)) throw error;
    const failure = report.failure(error, files.dockerfile);
    throw blameFor(context, await tellMaker(context, failure, report.missingBase(error)), report);
  }
}

/** Of a Dockerfile that came with the files nobody knew in time which part's image it starts from. */
async function tellMaker(
  context: Install,
  failure: DockerError,
  base: string | undefined,
): Promise<DockerError> {
  const maker = base !== undefined && isReference(base) && (await heirOf(context, imageKey(base)));
  if (!maker) return failure;
  const called = familiarReference(parseReference(base));
  const help = [`the part ${maker} builds ${called}: write \`=> ${maker}\`, and it is built before`];
  return new DockerError({ ...failure.problem, help }, { cause: failure });
}

/**
 * What failed at a line of the Dockerfile is the Dockerfile's fault; else an option's whose value the builder speaks of. What
 * was refused before anything began is one that only buildx knows, and the builder that it is to use does not.
 */
function blameFor(context: Install, failure: DockerError, { begun }: BuildReport): Error {
  const place = context.options["dockerfile-inline"] === undefined ? "source" : "dockerfile-inline";
  if (failure.problem.notes?.length) return blame(failure, place);
  const [unknown] = begun ? [] : needsOf(context.options).buildx;
  return blame(failure, spokenOf(failure.message, context) ?? unknown ?? place);
}

/** Whether a file or an archive could not be read, or changed meanwhile. */
function isOfTheFiles(error: unknown): error is DockerError {
  const codes = ["archive/broken", "archive/no-program", "folder/unreadable", "folder/changed"];
  return codes.some((code) => isProblem(error, code));
}

/** Whether the builder itself said no: then the step that failed is worth showing. */
function isOfTheBuild(error: unknown): boolean {
  const code = (error as { readonly problem?: { readonly code: string } }).problem?.code ?? "";
  return ["engine/stream-error", "build/failed", "engine/refused", "engine/failed"].includes(code);
}

/** What a builder says of its image. Of buildx's digest only the engine knows whether it is the id, too. */
interface Said {
  readonly id: string | undefined;
  readonly digest?: string | undefined;
}

/** What the image is called by the engine, now that it is there. Another checkout may have built under its name meanwhile. */
async function identified(context: Install, engine: Engine, { id, digest }: Said): Promise<Built> {
  const { options, signal } = context;
  const [reference = ""] = namesInEngine(options);
  const look = async (name: string | undefined) =>
    name && reference !== "" ? await inspectImage(engine, name, signal) : undefined;
  const image = (await look(id)) ?? (await look(reference));
  // What went elsewhere may be here as well, or somebody else's image of that name.
  const elsewhere = options.output.length > 0;
  if (image && (!elsewhere || isOurs(image.Config?.Labels, context))) {
    // Where images are not in containerd's store, buildx gives out the id as the digest.
    const known = repoDigest(image, reference) ?? (digest === image.Id ? undefined : digest);
    return { id: image.Id, digest: known };
  }
  if (elsewhere) return { id: "", digest };
  throw new RecipeError({
    code: "build/failed",
    message: `the build ended well, and the engine has no image ${reference}`,
    help: ["run again: something may have taken it away"],
  });
}

interface ViaEngine extends Building {
  readonly builder: "buildkit" | "classic";
  readonly spec: BuildSpec;
  readonly report: BuildReport;
}

/** @returns the image's id, as the engine says it */
async function viaEngine(context: Context, via: ViaEngine): Promise<string> {
  const { engine, options, files, builder, report } = via;
  const logins = await loginsOf(context, via);
  const proxies = await proxiesFor(context, engine);
  const caches = engineCaches(via.spec, options);
  const buildArgs = { ...unlessGiven(proxies, caches.buildArgs), ...caches.buildArgs };
  const gzip = options.encoding === "gzip";
  // BuildKit shows all of an archive to the Dockerfile, whatever it ignores.
  const folder = builder === "buildkit" && (!gzip || files.hides) ? await files.share?.() : undefined;
  const session = builder === "buildkit" ? await sessionFor(context, { ...via, folder }, logins) : undefined;
  try {
    const shared = session && folder;
    let told: Promise<void> | undefined;
    const tell = async (): Promise<void> => await (told ??= files.tell?.(shared));
    // While the builder works with the files: the end waits for it, and hears what went wrong.
    if (shared) shared.sent = () => void tell().catch(() => undefined);
    else await tell();
    const dockerfile = shared ? shared.dockerfile.name : files.pathInContext;
    const id = await buildByEngine(engine, {
      spec: { ...via.spec, ...caches, buildArgs, dockerfile },
      builder,
      context: shared ?? files.tar({ gzip }),
      registries: registryConfig([...logins.values()]),
      session: session?.id,
      report,
      signal: context.signal,
    });
    await tell();
    return id;
  } finally {
    await session?.close();
  }
}

/** The variables that the part sets in neither spelling: a builder takes both for one. */
function unlessGiven(
  proxies: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = new Set(Object.keys(given).map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(proxies).filter(([name]) => !names.has(name.toLowerCase())));
}

/** The engine's own API takes names of images as caches, and puts a cache into the image by a build argument. */
function engineCaches(spec: BuildSpec, options: BuildOptions): Pick<BuildSpec, "cacheFrom" | "buildArgs"> {
  const cacheFrom = spec.cacheFrom.map((from) => /(?:^|,)ref=([^,]+)/.exec(from)?.[1] ?? from);
  const inline = options["cache-to"].some(isInline);
  return {
    cacheFrom,
    buildArgs: inline ? { BUILDKIT_INLINE_CACHE: "1", ...spec.buildArgs } : spec.buildArgs,
  };
}

/** Credentials of the registries that images and cached steps come from, and go to, by host. */
async function loginsOf(
  context: Context,
  { files, options }: Building,
): Promise<ReadonlyMap<string, Credentials>> {
  const images = imagesTaken(context, options, files.dockerfile.content);
  const caches = [...options["cache-from"], ...options["cache-to"]].flatMap((where) =>
    where.includes("=") ? (/(?:^|,)ref=([^,]+)/.exec(where)?.[1] ?? []) : [where],
  );
  const hosts = new Set([...images, ...caches, ...namesPut(options)].flatMap(hostOf));
  const logins = new Map<string, Credentials>();
  for (const host of hosts) {
    const found = await loginIfAny(context, host);
    if (found) logins.set(host, found);
  }
  return logins;
}

/** Without AWS credentials an image of ECR may still be on the engine: the builder will know. */
async function loginIfAny(context: Context, host: string): Promise<Credentials | undefined> {
  try {
    return await loginAt(context, host);
  } catch (error) {
    context.signal.throwIfAborted();
    const { problem } = error as { readonly problem?: Problem };
    if (!problem?.code.startsWith("ecr/")) throw error;
    context.warn(problem);
    return undefined;
  }
}

/** What leads buildx to the logins that are made from AWS credentials; the others it finds by itself. */
async function loginEnvironment(
  context: Install,
  building: Building,
): Promise<Readonly<Record<string, string>>> {
  const { env, home } = context;
  const logins = [...(await loginsOf(context, building)).values()];
  const made = logins.filter(({ origin }) => origin === "provider");
  if (made.length === 0) return {};
  return await settingsWithLogins({ env, home }, made, await context.temporaryFolder());
}

function hostOf(image: string): string[] {
  try {
    return [parseReference(image).domain];
  } catch {
    // The builder says better what is wrong with it.
    return [];
  }
}

interface OpenSession {
  readonly id: string;
  close(): Promise<void>;
}

/** A session only where something may be asked of it. */
async function sessionFor(
  context: Context,
  { engine, options, folder }: ViaEngine & { readonly folder: SharedFolder | undefined },
  logins: ReadonlyMap<string, Credentials>,
): Promise<OpenSession | undefined> {
  const asked = options.secrets ?? [];
  // Podman has no sessions, and takes credentials from the request itself.
  const unasked = logins.size === 0 || engine.libpod;
  const needless = asked.length === 0 && options.ssh.length === 0 && unasked;
  if (needless && !folder) return undefined;
  const secrets = await readSecrets(context, asked);
  const agents = await sshAgents(context, options.ssh);
  try {
    const session = await openSession(
      engine,
      {
        folder,
        secret: async (id) => await Promise.resolve(secrets.get(id)),
        agent: (id) => agents.sockets.get(id),
        login: async (host) => {
          const login = logins.get(host) ?? (await loginIfAny(context, host));
          if (!login) return undefined;
          const { identityToken, username = "", password = "" } = login;
          return identityToken ? { username: "", secret: identityToken } : { username, secret: password };
        },
      },
      context.signal,
    );
    return {
      id: session.id,
      close: async () => {
        session.close();
        await agents.close();
      },
    };
  } catch (error) {
    await agents.close();
    // The files can go as an archive, too.
    if (needless && isProblem(error, "build/no-session")) return undefined;
    throw error;
  }
}

function isProblem(error: unknown, code: string): boolean {
  return (error as { readonly problem?: Problem }).problem?.code === code;
}
