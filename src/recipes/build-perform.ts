import {
  BuildReport,
  buildByEngine,
  chooseBuilder,
  credentialsFor,
  findBuildx,
  imagesOf,
  inspectImage,
  openSession,
  parseReference,
  registryConfig,
  repoDigest,
  settingsWithLogins,
  type BuildSpec,
  type Credentials,
  type DockerError,
  type Engine,
  type Listener,
  type SharedFolder,
} from "tsbuildout/docker";
import { RecipeError, type Context, type InstallContext, type Problem } from "tsbuildout/recipe";
import { blame, spokenOf } from "./blame.js";
import { viaBuildx } from "./build-buildx.js";
import { isInline, needsOf, refuseUnholdable, warnOfIgnored } from "./build-needs.js";
import { sshAgents } from "./build-ssh.js";
import { readSecrets } from "./build-secrets.js";
import { buildArgsOf, specOf, type BuildOptions } from "./build-spec.js";
import type { BuildFiles } from "./build-opened.js";
import type { buildOptions } from "./build-options.js";
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
  const at = { env: context.env, home: context.home, signal: context.signal };
  const asked = options.builder.kind;
  const buildx = asked === "auto" || asked === "buildx" ? await findBuildx(at) : undefined;
  const builder = await chooseBuilder({ asked, needs: needsOf(options), buildx, engine });
  const spec = specOf(context, options);
  if (builder === "buildx") await refuseUnholdable(engine, options);
  const quiet: Listener = { log: () => undefined, progress: (progress) => context.progress(progress) };
  const report = new BuildReport(options.quiet ? quiet : context);
  await warnOfIgnored(context, { builder, engine, spec, options, dockerfile: files.dockerfile.content });
  try {
    if (builder !== "buildx") {
      const id = await viaEngine(context, { ...building, builder, spec, report });
      return await identified(engine, { reference: spec.tags[0] ?? id, signal: context.signal });
    }
    await files.tell?.();
    const env = await loginEnvironment(context, building);
    const { digest } = await viaBuildx(context, { ...building, command: buildx ?? [], spec, report, env });
    if (options.output.length > 0) return { id: "", digest };
    return await identified(engine, { reference: spec.tags[0] ?? "", digest, signal: context.signal });
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isOfTheBuild(error)) throw error;
    throw blameFor(report.failure(error, files.dockerfile), context);
  }
}

/** What failed at a line of the Dockerfile is the Dockerfile's fault; else an option's whose value the builder speaks of. */
function blameFor(failure: DockerError, context: Install): Error {
  const place = context.options["dockerfile-inline"] === undefined ? "source" : "dockerfile-inline";
  return blame(
    failure,
    failure.problem.notes?.length ? place : (spokenOf(failure.message, context) ?? place),
  );
}

/** Whether the builder itself said no: then the step that failed is worth showing. */
function isOfTheBuild(error: unknown): boolean {
  const code = (error as { readonly problem?: { readonly code: string } }).problem?.code ?? "";
  return ["engine/stream-error", "build/failed", "engine/refused", "engine/failed"].includes(code);
}

interface Identify {
  readonly reference: string;
  /** What buildx said of it. */
  readonly digest?: string | undefined;
  readonly signal: AbortSignal;
}

/** What the image is called by the engine, now that it is there. */
async function identified(engine: Engine, { reference, digest, signal }: Identify): Promise<Built> {
  const image = await inspectImage(engine, reference, signal);
  // Where images are not in containerd's store, buildx gives out the id as the digest.
  const known = repoDigest(image ?? {}, reference) ?? (digest === image?.Id ? undefined : digest);
  if (image) return { id: image.Id, digest: known };
  throw new RecipeError({
    code: "build/failed",
    message: `the build ended well, and the engine has no image ${reference}`,
    help: ["a builder that is not the engine's own may need output = type=docker"],
  });
}

interface ViaEngine extends Building {
  readonly builder: "buildkit" | "classic";
  readonly spec: BuildSpec;
  readonly report: BuildReport;
}

async function viaEngine(context: Context, via: ViaEngine): Promise<string> {
  const { engine, options, files, builder, report } = via;
  const logins = await loginsOf(context, via);
  const proxies = await proxiesFor(context, engine);
  const caches = engineCaches(via.spec, options);
  const buildArgs = { ...unlessGiven(proxies, caches.buildArgs), ...caches.buildArgs };
  const gzip = options.encoding === "gzip";
  const folder = builder === "buildkit" && !gzip ? files.share?.() : undefined;
  const session = builder === "buildkit" ? await sessionFor(context, { ...via, folder }, logins) : undefined;
  try {
    const shared = session && folder;
    if (!shared) await files.tell?.();
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
    if (shared) await files.tell?.(shared);
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

/** Credentials of the registries that the Dockerfile's images come from, by host. */
async function loginsOf(
  context: Context,
  { files, options }: Building,
): Promise<ReadonlyMap<string, Credentials>> {
  const images = imagesOf(files.dockerfile.content, {
    buildArgs: buildArgsOf(context, options),
    target: options.target,
  });
  const elsewhere = [...options["cache-from"], ...options["cache-to"], ...options.output].flatMap((where) =>
    where.includes("=") ? (/(?:^|,)(?:ref|name)=([^,]+)/.exec(where)?.[1] ?? []) : [where],
  );
  const hosts = new Set([...images, ...elsewhere].flatMap(hostOf));
  const logins = new Map<string, Credentials>();
  for (const host of hosts) {
    const found = await loginAt(context, host);
    if (found?.password) context.secret(found.password);
    if (found) logins.set(host, found);
  }
  return logins;
}

/** Without AWS credentials an image of ECR may still be on the engine: the builder will know. */
async function loginAt(context: Context, host: string): Promise<Credentials | undefined> {
  const { env, home, signal } = context;
  try {
    return await credentialsFor(host, { env, home, signal });
  } catch (error) {
    signal.throwIfAborted();
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
          const login =
            logins.get(host) ?? (await credentialsFor(host, { env: context.env, home: context.home }));
          if (!login) return undefined;
          const secret = login.identityToken ?? login.password ?? "";
          return await Promise.resolve({
            username: login.identityToken ? "" : (login.username ?? ""),
            secret,
          });
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
