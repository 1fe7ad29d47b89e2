import { parseUlimit } from "tsbuildout/docker";
import { option, OptionValueError } from "tsbuildout/recipe";
import { wordsOf } from "./spec-options.js";

/** A change of these is a rebuild, which replaces the image in place. */
const inPlace = true;

/** The options of docker.build that say what its RUN steps have, and what they may. */
export const stepOptions = {
  network: option.string({
    doc: "Network of RUN steps: `default`, `none`, `host`, or a name (classic builder).",
    inPlace,
  }),
  "shm-size": option.size({ doc: "Size of `/dev/shm` in RUN steps.", aliases: ["shmsize"], inPlace }),
  memory: option.size({
    doc: "Memory limit of RUN steps (classic builder).",
    aliases: ["container_limits.memory"],
    inPlace,
  }),
  "memory-swap": option.size({
    doc: "Limit of memory and swap together, -1 for none (classic builder).",
    aliases: ["memswap", "container_limits.memswap"],
    inPlace,
  }),
  "cpu-shares": option.integer({
    doc: "Relative weight of RUN steps (classic builder).",
    aliases: ["cpushares", "container_limits.cpushares"],
    inPlace,
  }),
  "cpuset-cpus": option.string({
    doc: "Processors that RUN steps may use: `0-3`, `0,1` (classic builder).",
    aliases: ["cpusetcpus", "container_limits.cpusetcpus"],
    inPlace,
  }),
  "cpuset-mems": option.string({
    doc: "Memory nodes that RUN steps may use: `0-1` (classic builder).",
    inPlace,
  }),
  "cpu-period": option.integer({
    doc: "Microseconds in which RUN steps may use the processor for `cpu-quota` (classic builder).",
    inPlace,
  }),
  "cpu-quota": option.integer({
    doc: "Microseconds of each `cpu-period` (100000 unless said) in which RUN steps may use the processor (classic builder).",
    inPlace,
  }),
  ulimits: wordsOf("limits", parseUlimit, {
    doc: "Limits of the processes of RUN steps, `name=soft[:hard]` each: `nofile=1024:2048`.",
    aliases: ["ulimit"],
    inPlace,
  }),
  "cgroup-parent": option.string({
    doc: "The cgroup above those of RUN steps (buildx, classic builder).",
    inPlace,
  }),
  isolation: option.string({
    doc: "How RUN steps are kept apart on an engine for Windows (classic builder): `process`, `hyperv`.",
    inPlace,
  }),
  allow: option.words({
    doc: "What RUN steps may ask for (buildx): `network.host` for `RUN --network=host`, `security.insecure` for `RUN --security=insecure` (which the engine must allow, too), `device`.",
    aliases: ["entitlements"],
    inPlace,
  }),
  "extra-hosts": option.lines({
    doc: "Further host names in RUN steps, `HOST:ADDRESS` or `HOST=ADDRESS` a line.",
    aliases: ["add-hosts", "add-host"],
    inPlace,
  }),
  "container-limits": option.custom("limits", parseLimits, {
    doc: "The same limits in one option: `memory=`, `memswap=`, `cpushares=`, `cpusetcpus=`, one a line.",
    aliases: ["container_limits"],
    inPlace,
  }),
};

export interface Limits {
  readonly memory?: number | undefined;
  readonly memswap?: number | undefined;
  readonly cpushares?: number | undefined;
  readonly cpusetcpus?: string | undefined;
}

/** Each is written as the option of that meaning is. */
function parseLimits(text: string): Limits {
  const at = { directory: "/", home: "/" };
  const kinds: Readonly<Record<string, { decode(value: string, where: typeof at): unknown }>> = {
    memory: option.size({ doc: "" }),
    memswap: option.size({ doc: "" }),
    cpushares: option.integer({ doc: "" }),
    cpusetcpus: option.string({ doc: "" }),
  };
  const limits = (option.pairs({ doc: "" }).decode(text, at) ?? []).map(([key, value = ""]) => {
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (!kind)
      throw new OptionValueError(`"${key}" is not a limit`, [
        "write memory, memswap, cpushares or cpusetcpus",
      ]);
    return [key, kind.decode(value, at)];
  });
  return Object.fromEntries(limits) as Limits;
}
