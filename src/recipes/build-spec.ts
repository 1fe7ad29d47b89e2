import type { BuildSpec } from "tsbuildout/docker";
import { option, RecipeError, type Context, type OptionsOf } from "tsbuildout/recipe";
import type { buildOptions } from "./build-options.js";
import { referencesOf } from "./build-names.js";
import { labelsOf } from "./common.js";

export type BuildOptions = OptionsOf<typeof buildOptions>;

/** What a builder is asked for, from the options. @throws a problem where an option does not fit */
export function specOf(context: Context, options: BuildOptions): BuildSpec {
  const limits = limitsOf(options);
  return {
    tags: referencesOf(options),
    target: options.target,
    buildArgs: buildArgsOf(context, options),
    labels: { ...labelsFrom(options.labels), ...labelsOf(context) },
    cacheFrom: options["cache-from"],
    noCache: options["no-cache"],
    pull: options.pull && !context.buildout.offline,
    rm: options.rm,
    forceRm: options["force-rm"],
    network: options.network,
    shmSize: options["shm-size"],
    memory: options.memory ?? limits.memory,
    memorySwap: options["memory-swap"] ?? limits.memorySwap,
    cpuShares: options["cpu-shares"] ?? limits.cpuShares,
    cpusetCpus: options["cpuset-cpus"] ?? limits.cpusetCpus,
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

function labelsFrom(pairs: BuildOptions["labels"]): Record<string, string> {
  return Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ""]));
}

interface Limits {
  memory?: number | undefined;
  memorySwap?: number | undefined;
  cpuShares?: number | undefined;
  cpusetCpus?: string | undefined;
}

function limitsOf(options: BuildOptions): Limits {
  const limits: Limits = {};
  const size = option.size({ doc: "" });
  const at = { directory: "/", home: "/" };
  for (const [key, value = ""] of options["container-limits"]) {
    if (key === "memory") limits.memory = size.decode(value, at);
    else if (key === "memswap") limits.memorySwap = size.decode(value, at);
    else if (key === "cpushares") limits.cpuShares = Number(value);
    else if (key === "cpusetcpus") limits.cpusetCpus = value;
    else throw unknownLimit(key);
  }
  return limits;
}

function unknownLimit(key: string): RecipeError {
  return new RecipeError({
    code: "option/value",
    message: `"${key}" is not a limit`,
    help: ["write memory, memswap, cpushares or cpusetcpus"],
    option: "container-limits",
  });
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
