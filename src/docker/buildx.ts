/** Builds by the program `docker buildx build` (https://docs.docker.com/reference/cli/docker/buildx/build/). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { BuildReport } from "./build-report.js";
import { ulimitText, type BuildSpec } from "./build.js";
import { readRawJson } from "./buildkit-trace.js";
import { parseEcrHost } from "./ecr/address.js";
import { DockerError } from "./errors.js";
import { endOf } from "./system-program.js";

/** What only buildx can do, in its own words, and where the context is. */
export interface BuildxSpec extends BuildSpec {
  /** A folder, or `-` for a tar on standard input. */
  readonly context: string;
  /** On the host, absolute, where it is not within a tar. */
  readonly dockerfilePath?: string | undefined;
  readonly cacheTo: readonly string[];
  /** Stages. */
  readonly noCacheFilter: readonly string[];
  readonly allow: readonly string[];
  /** `id=…,src=…|env=…` */
  readonly secrets: readonly string[];
  readonly ssh: readonly string[];
  readonly output: readonly string[];
  readonly instance?: string | undefined;
  readonly provenance?: string | undefined;
  readonly sbom?: string | undefined;
  /** `name=where` */
  readonly buildContexts: readonly string[];
}

/** How the program is run, and who is told how it goes. */
export interface BuildxRun {
  /** How buildx is run: `["/usr/bin/docker", "buildx"]`. */
  readonly command: readonly string[];
  /** The program's whole environment: the engine, the settings' folder, values of build arguments and secrets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where it writes what it found out; nobody else's. */
  readonly folder: string;
  /** The tar of the context, where the context is `-`. */
  readonly input?: Readable | undefined;
  readonly report: BuildReport;
  readonly signal: AbortSignal;
}

/** What buildx says of what it has built. */
export interface BuildxResult {
  /** Of the manifest or the index, where buildx said one. */
  readonly digest: string | undefined;
}

/** Runs buildx to its end. @throws DockerError `build/failed`, with what buildx said at last */
export async function buildByBuildx(spec: BuildxSpec, run: BuildxRun): Promise<BuildxResult> {
  const metadata = join(run.folder, "metadata.json");
  const { args, env } = buildxArguments(spec, metadata, run.env);
  await runBuildx(args, { ...run, env: { ...run.env, ...env } });
  return await readMetadata(metadata);
}

async function runBuildx(args: readonly string[], run: BuildxRun): Promise<void> {
  const { execa } = await import("execa");
  const [program = "docker", ...before] = run.command;
  const child = execa(program, [...before, ...args], {
    cwd: run.cwd,
    env: run.env as Record<string, string>,
    extendEnv: false,
    ...(run.input ? { input: run.input } : { stdin: "ignore" as const }),
    stdout: "ignore",
    buffer: false,
    reject: false,
    cancelSignal: run.signal,
    forceKillAfterDelay: 10_000,
  });
  const other: string[] = [];
  for await (const line of child.iterable({ from: "stderr" })) {
    const trace = readRawJson(line);
    if (trace) run.report.trace(trace);
    else if (line.trim() !== "") other.push(line);
    if (other.length > 50) other.shift();
  }
  const result = await child;
  run.signal.throwIfAborted();
  if (!result.failed) return;
  // What follows the error is what can be done about it.
  const at = other.findLastIndex((line) => /^(ERROR|error)\b/.test(line));
  const said = other.at(at);
  const reason = said?.replace(/^(ERROR|error):\s*(failed to (build|solve): )*/, "") ?? endOf(result);
  throw new DockerError({
    code: "build/failed",
    message: reason,
    help: at < 0 ? [] : other.slice(at + 1),
  });
}

async function readMetadata(path: string): Promise<BuildxResult> {
  const text = await readFile(path, "utf8").catch(() => "{}");
  const { "containerimage.digest": digest } = JSON.parse(text) as Record<string, unknown>;
  return { digest: typeof digest === "string" ? digest : undefined };
}

/** Names that mean something to the programs that are run: a build argument must not change them. */
const RESERVED =
  /^(PATH|HOME|USER|TMPDIR|(DOCKER|BUILDX|BUILDKIT|COMPOSE|OTEL|LD|XDG)_.*|SSH_(AUTH_SOCK|ASKPASS.*)|.*_PROXY)$/i;

/** The command line; values of build arguments go through the environment, where no other user can read them. */
export function buildxArguments(
  spec: BuildxSpec,
  metadataFile: string,
  before: BuildxRun["env"] = {},
): { args: string[]; env: Record<string, string> } {
  const env: Record<string, string> = {};
  const buildArgs = Object.entries(spec.buildArgs).map(([key, value]) => {
    if (before[key] === value) return key;
    if (RESERVED.test(key)) return `${key}=${value}`;
    env[key] = value;
    return key;
  });
  const args = [
    "build",
    "--progress=rawjson",
    ...each("--metadata-file", [metadataFile]),
    ...each("--builder", [spec.instance]),
    ...each("--file", [spec.dockerfilePath ?? spec.dockerfile]),
    ...each("--tag", spec.tags),
    ...each("--target", [spec.target]),
    ...each("--build-arg", buildArgs),
    ...each(
      "--label",
      Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`),
    ),
    ...each(
      "--annotation",
      Object.entries(spec.annotations).map(([key, value]) => `${key}=${value}`),
    ),
    ...each("--cache-from", spec.cacheFrom),
    ...each("--cache-to", spec.cacheTo.map(cacheFor)),
    ...(spec.noCache ? ["--no-cache"] : []),
    ...each("--no-cache-filter", spec.noCacheFilter),
    ...(spec.pull ? ["--pull"] : []),
    ...each("--network", [spec.network]),
    ...each("--shm-size", [spec.shmSize?.toString()]),
    ...each("--ulimit", spec.ulimits.map(ulimitText)),
    ...each("--cgroup-parent", [spec.cgroupParent]),
    ...each("--allow", spec.allow),
    ...each("--platform", [spec.platform]),
    ...each("--add-host", spec.extraHosts),
    ...each("--secret", spec.secrets),
    ...each("--ssh", spec.ssh),
    ...each("--output", spec.output),
    ...each("--build-context", spec.buildContexts),
    `--provenance=${spec.provenance ?? "false"}`,
    ...each("--sbom", [spec.sbom]),
    ...(spec.output.length > 0 ? [] : ["--load"]),
    "--",
    spec.context,
  ];
  return { args, env };
}

/** ECR takes a cache only in the form of an image, which the builders do not give it by themselves. */
function cacheFor(to: string): string {
  const ref = /(?:^|,)ref=([^/,]+)/.exec(to)?.[1] ?? "";
  const bare = /(?:^|,)type=registry(?:,|$)/.test(to) && !to.includes("image-manifest=");
  return bare && parseEcrHost(ref) ? `${to},image-manifest=true,oci-mediatypes=true` : to;
}

function each(flag: string, values: readonly (string | undefined)[]): string[] {
  return values.flatMap((value) => (value === undefined ? [] : [flag, value]));
}
