import type { BuildSpec } from "tsbuildout/docker";
import { RecipeError, type Context, type OptionsOf } from "tsbuildout/recipe";
import type { buildOptions } from "./build-options.js";
import { referencesOf } from "./build-names.js";
import { labelsOf } from "./common.js";

export type BuildOptions = OptionsOf<typeof buildOptions>;

/** The instance of buildx that is asked for: a BuildKit other than the engine's. */
export function instanceOf({ builder }: Pick<BuildOptions, "builder">): string | undefined {
  return builder.kind === "buildx" ? builder.instance : undefined;
}

/** What a builder is asked for, from the options. @throws a problem where an option does not fit */
export function specOf(context: Context, options: BuildOptions): BuildSpec {
  const limits = options["container-limits"] ?? {};
  return {
    tags: referencesOf(options),
    target: options.target,
    buildArgs: {
      ...(options.check !== undefined && { BUILDKIT_DOCKERFILE_CHECK: options.check }),
      ...buildArgsOf(context, options),
    },
    annotations: textsFrom(options.annotations),
    labels: { ...textsFrom(options.labels), ...labelsOf(context) },
    cacheFrom: options["cache-from"],
    noCache: options["no-cache"],
    pull: options.pull && !context.buildout.offline,
    rm: options.rm,
    forceRm: options["force-rm"],
    network: options.network,
    shmSize: options["shm-size"],
    memory: options.memory ?? limits.memory,
    memorySwap: options["memory-swap"] ?? limits.memswap,
    cpuShares: options["cpu-shares"] ?? limits.cpushares,
    cpusetCpus: options["cpuset-cpus"] ?? limits.cpusetcpus,
    cpusetMems: options["cpuset-mems"],
    cpuPeriod: options["cpu-period"],
    cpuQuota: options["cpu-quota"],
    ulimits: options.ulimits,
    cgroupParent: options["cgroup-parent"],
    isolation: options.isolation,
    platform: options.platform?.join(",") || undefined,
    extraHosts: options["extra-hosts"].map(hostOf),
  };
}

/** Build arguments with their values; one without value in the file takes the environment's. */
export function buildArgsOf(
  { env }: Pick<Context, "env">,
  options: Pick<BuildOptions, "build-args">,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [key, value] of options["build-args"]) {
    const known = value ?? env[key];
    if (known !== undefined) values[key] = known;
  }
  return values;
}

function textsFrom(pairs: BuildOptions["labels"]): Record<string, string> {
  return Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ""]));
}

/** `host=address` and `host:address` mean the same; the API wants the colon. */
function hostOf(text: string): string {
  const [, name, address] = /^([^:=\s]+)\s*[:=]\s*(\S+)$/.exec(text) ?? [];
  if (name && address) return `${name}:${address.replace(/^\[(.*)\]$/, "$1")}`;
  throw new RecipeError({
    code: "option/value",
    message: `"${text}" is not a host and an address`,
    help: ["write HOST:ADDRESS, one a line"],
    option: "extra-hosts",
  });
}
