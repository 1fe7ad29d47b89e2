/** Builds by the Engine API: BuildKit (`version=2`) or the classic builder (https://docs.docker.com/reference/api/engine/, ImageBuild). */
import type { Readable } from "node:stream";
import type { BuildReport } from "./build-report.js";
import { decodeTrace } from "./buildkit-trace.js";
import type { Engine } from "./engine.js";
import { DockerError } from "./errors.js";
import type { SharedFolder } from "./filesync.js";
import { familiarName, parseReference } from "./reference.js";
import type { QueryValue } from "./request.js";
import type { parseUlimit } from "./resources.js";
import { jsonLines } from "./stream.js";

/** A limit of a process, as the Engine API has it. */
type Ulimit = ReturnType<typeof parseUlimit>;

/** What is to be built, whoever builds it. Sizes in bytes. */
export interface BuildSpec {
  /** Full references; the first is the image's name. */
  readonly tags: readonly string[];
  /** Path of the Dockerfile within the context. */
  readonly dockerfile?: string | undefined;
  readonly target?: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the manifest, or of what `index:` and the like before the name say; in buildx's words. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly cacheFrom: readonly string[];
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly rm: boolean;
  readonly forceRm: boolean;
  readonly network?: string | undefined;
  readonly shmSize?: number | undefined;
  readonly memory?: number | undefined;
  /** Memory and swap together; -1 is no limit. */
  readonly memorySwap?: number | undefined;
  readonly cpuShares?: number | undefined;
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  /** Microseconds. */
  readonly cpuPeriod?: number | undefined;
  readonly cpuQuota?: number | undefined;
  readonly ulimits: readonly Ulimit[];
  readonly cgroupParent?: string | undefined;
  readonly isolation?: string | undefined;
  readonly platform?: string | undefined;
  /** `host:address`. */
  readonly extraHosts: readonly string[];
}

/** A build by an engine: what is built of what, by which of its builders, and who is told how it goes. */
export interface EngineBuild {
  readonly spec: BuildSpec;
  readonly builder: "buildkit" | "classic";
  /** A tar, packed by gzip, bzip2 or xz or not at all; or a folder that the session shares. */
  readonly context: Readable | SharedFolder;
  /** The value of `X-Registry-Config`: credentials for the classic builder's pulls. */
  readonly registries: string;
  /** A BuildKit session that answers for secrets, ssh and credentials. */
  readonly session?: string | undefined;
  readonly report: BuildReport;
  readonly signal: AbortSignal;
}

interface BuildLine {
  readonly id?: string;
  readonly stream?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: string | { readonly ID?: string };
}

/**
 * Builds an image, streaming the context.
 * @returns the image's id
 * @throws DockerError as the engine puts it (see BuildReport.failure for a user's view), `engine/cut-off` where the
 *   engine stopped talking before there was an image
 */
export async function buildByEngine(engine: Engine, build: EngineBuild): Promise<string> {
  const { context } = build;
  const shared = "files" in context;
  let broken: unknown;
  if (!shared) context.once("error", (error) => (broken = error));
  try {
    const answer = await engine.stream({
      method: "POST",
      path: "/build",
      query: buildQuery(engine, build),
      headers: {
        ...(shared ? {} : { "Content-Type": "application/x-tar" }),
        "X-Registry-Config": build.registries,
      },
      ...(shared ? {} : { body: context }),
      signal: build.signal,
    });
    return await follow(jsonLines<BuildLine>(answer), build.report);
  } catch (error) {
    // A file that could not be read is the reason for what the engine then says of the upload.
    throw build.signal.aborted ? error : ((shared ? context.broken : broken) ?? error);
  }
}

async function follow(lines: AsyncIterable<BuildLine>, report: BuildReport): Promise<string> {
  let id: string | undefined;
  for await (const line of lines) {
    if (typeof line.aux === "string") report.trace(decodeTrace(Buffer.from(line.aux, "base64")));
    else if (line.aux?.ID) id = line.aux.ID;
    if (line.stream) report.classic(line.stream);
    else if (line.status) report.pulling(line.id ?? "", line.status, line.progressDetail);
  }
  if (id) return id;
  throw new DockerError({
    code: "engine/cut-off",
    message: "the engine ended the build without an image",
    help: ["look into the engine's log; the next run builds again"],
  });
}

function buildQuery(
  { libpod }: Engine,
  { spec, builder, session, context }: EngineBuild,
): Record<string, QueryValue> {
  // Podman looks for layers in repositories, and refuses a tag.
  const cacheFrom = spec.cacheFrom.map((name) => (libpod ? familiarName(parseReference(name)) : name));
  return {
    version: builder === "buildkit" ? 2 : 1,
    t: spec.tags,
    dockerfile: spec.dockerfile,
    target: spec.target,
    buildargs: spec.buildArgs,
    // Of an object podman takes the labels in whatever order: a build whose steps are all in the cache had a new image.
    labels: libpod ? JSON.stringify(pairs(spec.labels)) : spec.labels,
    ...(cacheFrom.length > 0 ? { cachefrom: JSON.stringify(cacheFrom) } : {}),
    ...flag("nocache", spec.noCache),
    ...flag("pull", spec.pull),
    rm: spec.rm ? 1 : 0,
    ...flag("forcerm", spec.forceRm),
    networkmode: spec.network,
    shmsize: spec.shmSize,
    memory: spec.memory,
    memswap: spec.memorySwap,
    cpushares: spec.cpuShares,
    cpusetcpus: spec.cpusetCpus,
    cpusetmems: spec.cpusetMems,
    cpuperiod: spec.cpuPeriod,
    cpuquota: spec.cpuQuota,
    ...(spec.ulimits.length > 0 && {
      // Podman wants them as they are written.
      ulimits: JSON.stringify(libpod ? spec.ulimits.map(ulimitText) : spec.ulimits),
    }),
    cgroupparent: spec.cgroupParent,
    isolation: spec.isolation,
    platform: spec.platform,
    // Podman wants a list in JSON, Docker each by itself.
    extrahosts: libpod && spec.extraHosts.length > 0 ? JSON.stringify(spec.extraHosts) : spec.extraHosts,
    session,
    ...outputs(builder, spec),
    // The docker CLI's word for a context that is in the session.
    ...("files" in context ? { remote: "client-session" } : {}),
  };
}

/** The engine's own output, for what can be said of it in no other way. */
function outputs(builder: EngineBuild["builder"], { annotations }: BuildSpec): Record<string, QueryValue> {
  const named = Object.entries(annotations);
  if (builder !== "buildkit" || named.length === 0) return {};
  const Attrs = Object.fromEntries(
    named.flatMap(([name, value]) => annotationKeys(name).map((key) => [key, value])),
  );
  return { outputs: JSON.stringify([{ Type: "moby", Attrs }]) };
}

/** `NAME=VALUE` each. */
function pairs(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

/** `nofile=64:128` */
export function ulimitText({ Name, Soft, Hard }: Ulimit): string {
  return `${Name}=${Soft}:${Hard}`;
}

/** What buildx is told as `index,manifest[linux/amd64]:name` is `annotation-index.name` and so on to BuildKit. */
function annotationKeys(text: string): string[] {
  const [, types, name] =
    /^((?:(?:manifest|index)(?:-descriptor)?(?:\[[^\]]*\])?,?)+):(.+)$/s.exec(text) ?? [];
  return types && name
    ? types.split(",").map((type) => `annotation-${type}.${name}`)
    : [`annotation.${text}`];
}

function flag(name: string, on: boolean): Record<string, QueryValue> {
  return on ? { [name]: 1 } : {};
}
