/** What a build needs that not every builder can do, and what is said where nobody can. */
import { speaksApi, type BuildNeeds, type BuildSpec, type Engine } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import type { BuildOptions } from "./build-spec.js";

const named = (name: string, needed: boolean): string[] => (needed ? [name] : []);

/** What a build asks of its builder. */
export function needsOf(options: BuildOptions): BuildNeeds {
  const exportsCache = options["cache-to"].some((to) => !isInline(to));
  const importsCache = options["cache-from"].some((from) => /^type=(?!registry,)/.test(from));
  return {
    buildx: [
      ...named("platform", (options.platform?.length ?? 0) > 1),
      ...named("cache-to", exportsCache),
      ...named("cache-from", importsCache),
      ...named("output", options.output.length > 0),
      ...named("provenance", asksFor(options.provenance)),
      ...named("sbom", asksFor(options.sbom)),
      ...named("build-contexts", options["build-contexts"].length > 0),
    ],
    buildkit: [
      ...named("secrets", (options.secrets?.length ?? 0) > 0),
      ...named("ssh", options.ssh.length > 0),
    ],
  };
}

/** Whether a cache goes into the image itself, which every BuildKit can do. */
export const isInline = (to: string): boolean => to === "type=inline" || to === "inline";
const asksFor = (attestation: string | undefined): boolean =>
  attestation !== undefined && attestation !== "false";

/** The first API of an engine (23) whose BuildKit gives its steps a `/dev/shm` of the size that is asked for. */
const SHM_SIZE = "1.42";

/** BuildKit has no limits for its steps: who sets some must know that nothing holds them. */
export function warnOfIgnored(context: Context, engine: Engine, spec: BuildSpec): void {
  const limits = {
    memory: spec.memory,
    "memory-swap": spec.memorySwap,
    "cpu-shares": spec.cpuShares,
    "cpuset-cpus": spec.cpusetCpus,
    ...(!speaksApi(engine, SHM_SIZE) && { "shm-size": spec.shmSize }),
  };
  const set = Object.entries(limits).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (set.length === 0) return;
  context.warn({
    code: "build/no-limits",
    message: `${set.join(", ")}: ${set.includes("shm-size") ? "the BuildKit of this engine" : "BuildKit"} does not limit its steps`,
    help: ["set builder = classic to have the limits"],
    option: set[0] ?? "memory",
  });
}

/** An image of several platforms is an index, which only containerd's store can hold. @throws a problem `build/platforms` */
export async function refuseUnholdable(engine: Engine, { platform, output }: BuildOptions): Promise<void> {
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
