/** What a build needs that not every builder can do, and what is said where nobody can. */
import {
  chooseBuilder,
  findBuildx,
  speaksApi,
  type BuildNeeds,
  type BuildSpec,
  type Dockerfile,
  type Engine,
} from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { instanceOf, type BuildOptions } from "./build-spec.js";

const named = (name: string, needed: boolean): string[] => (needed ? [name] : []);

/** What a build asks of its builder. */
export function needsOf(options: BuildOptions): BuildNeeds {
  const exportsCache = options["cache-to"].some((to) => !isInline(to));
  const importsCache = options["cache-from"].some((from) => /^type=(?!registry,)/.test(from));
  return {
    buildx: [
      ...named("no-cache-filter", options["no-cache-filter"].length > 0),
      ...named("allow", options.allow.length > 0),
      ...named("platform", (options.platform?.length ?? 0) > 1),
      ...named("cache-to", exportsCache),
      ...named("cache-from", importsCache),
      ...named("output", options.output.length > 0),
      ...named("provenance", asksFor(options.provenance)),
      ...named("sbom", asksFor(options.sbom)),
      ...named("build-contexts", options["build-contexts"].length > 0),
    ],
    buildkit: [
      ...named("annotations", options.annotations.length > 0),
      ...named("check", options.check !== undefined),
      ...named("secrets", (options.secrets?.length ?? 0) > 0),
      ...named("ssh", options.ssh.length > 0),
    ],
  };
}

/** Who builds, and how buildx is run where it is installed. @throws DockerError, or a problem, `build/…` where nobody can */
export async function builderFor(
  { env, home, signal }: Context,
  { engine, options }: { readonly engine: Engine; readonly options: BuildOptions },
) {
  const asked = options.builder.kind;
  const mayBeBuildx = asked === "auto" || asked === "buildx";
  const buildx = mayBeBuildx ? await findBuildx({ env, home, signal }) : undefined;
  const builder = await chooseBuilder({ asked, needs: needsOf(options), buildx, engine });
  if (builder === "buildx") await refuseUnholdable(engine, options);
  return { builder, buildx };
}

/** Whether any builder will do. */
export function isEasy(options: BuildOptions): boolean {
  const { buildx, buildkit } = needsOf(options);
  return options.builder.kind === "auto" && buildx.length + buildkit.length === 0;
}

/** Whether a cache goes into the image itself, which every BuildKit can do. */
export const isInline = (to: string): boolean => to === "type=inline" || to === "inline";
const asksFor = (attestation: string | undefined): boolean =>
  attestation !== undefined && attestation !== "false";

/** The first API of an engine (23) whose BuildKit heeds all that came with it: `/dev/shm` of a size, limits, a cgroup. */
const STEP_SETTINGS = "1.42";
/** The first one (27) whose BuildKit checks Dockerfiles. */
const CHECKS = "1.46";

export interface Chosen {
  readonly builder: "buildx" | "buildkit" | "classic";
  readonly engine: Engine;
  readonly spec: BuildSpec;
  readonly options: BuildOptions;
  readonly dockerfile: Dockerfile;
}

/** What the builder passes over in silence: who sets it must know that nothing comes of it. */
export async function warnOfIgnored(context: Context, chosen: Chosen): Promise<void> {
  const { builder, engine, options, dockerfile } = chosen;
  if (builder === "classic") return;
  // Podman builds by itself, and limits its steps.
  if (!engine.libpod || builder === "buildx") warnOfLimits(context, chosen);
  // Of a BuildKit other than the engine's nothing is known.
  if (instanceOf(options) !== undefined) return;
  if (options.check !== undefined && dockerfile.syntax === undefined && !speaksApi(engine, CHECKS))
    context.warn({
      code: "build/no-checks",
      message: "check: the BuildKit of this engine checks no Dockerfiles",
      help: ["let the Dockerfile begin with `# syntax=docker/dockerfile:1`"],
      option: "check",
    });
  if (options.annotations.length > 0 && !(await engine.info()).containerdStore)
    context.warn({
      code: "build/no-annotations",
      message: "annotations: the engine keeps none without its containerd image store",
      help: ["turn on the containerd image store, or build with builder = buildx:NAME"],
      option: "annotations",
    });
}

/** BuildKit has no limits of memory and processors for its steps. */
function warnOfLimits(context: Context, { builder, engine, spec, options }: Chosen): void {
  const early = instanceOf(options) === undefined && !speaksApi(engine, STEP_SETTINGS);
  const here = {
    ...(early && { "shm-size": spec.shmSize, ulimits: spec.ulimits[0] }),
    // The engine's API has no word for it where BuildKit builds.
    ...((early || builder === "buildkit") && { "cgroup-parent": spec.cgroupParent }),
  };
  const limits = {
    memory: spec.memory,
    "memory-swap": spec.memorySwap,
    "cpu-shares": spec.cpuShares,
    "cpu-period": spec.cpuPeriod,
    "cpu-quota": spec.cpuQuota,
    "cpuset-cpus": spec.cpusetCpus,
    "cpuset-mems": spec.cpusetMems,
    isolation: spec.isolation,
    ...here,
  };
  const set = Object.entries(limits).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const [first] = set;
  if (first === undefined) return;
  context.warn({
    code: "build/no-limits",
    message: `${set.join(", ")}: ${set.some((name) => name in here) ? "the BuildKit of this engine" : "BuildKit"} does not limit its steps`,
    help: ["set builder = classic to have the limits"],
    option: options[first as keyof BuildOptions] === undefined ? "container-limits" : first,
  });
}

/** An image of several platforms is an index, which only containerd's store can hold. @throws a problem `build/platforms` */
async function refuseUnholdable(engine: Engine, { platform, output }: BuildOptions): Promise<void> {
  if ((platform?.length ?? 0) < 2 || output.length > 0 || (await engine.info()).containerdStore) return;
  throw new RecipeError({
    code: "build/platforms",
    message: "platform: this engine can hold an image of one platform only",
    help: [
      "give one platform; set output = type=registry,name=…,push=true; or turn on the engine's containerd image store",
    ],
    option: "platform",
  });
}
