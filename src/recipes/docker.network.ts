import {
  createNetwork,
  DockerError,
  inspectNetwork,
  isConflict,
  networksNamed,
  overlappingNetworks,
  prefixesMeet,
  prefixOf,
  removeNetwork,
  type Call,
  type NetworkSettings,
  type NetworkState,
  type Overlap,
  type Pool,
} from "tsbuildout/docker";
import {
  defineRecipe,
  option,
  RecipeError,
  type CheckContext,
  type ConfigureContext,
  type Drift,
  type InstallContext,
  type LookContext,
  type Problem,
} from "tsbuildout/recipe";
import { blaming } from "./blame.js";
import {
  configureEngine,
  engineOf,
  engineOfRecord,
  engineOptions,
  isOurs,
  labelsOf,
  listing,
  makeAfterOther,
  placeOf,
} from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { differingFlag, differingPairs } from "./differences.js";
import { checkName } from "./names.js";
import { differingPools, poolsOf } from "./network-pools.js";
import { recordOf } from "./spec-options.js";
import { somebodyElses } from "./taken.js";

const options = {
  name: option.string({
    doc: "Name of the network. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
  }),
  driver: option.string({
    doc: "Driver of the network: `bridge`, `overlay`, `macvlan`, … Default: `bridge`.",
  }),
  "driver-options": option.pairs({
    doc: "Options of the driver, `NAME=VALUE` a line, for example `com.docker.network.driver.mtu=1400`.",
    aliases: ["driver-opts"],
  }),
  subnet: option.words({
    doc: "Subnets in CIDR form, one for each address pool: `10.1.0.0/16`. Chosen by the engine if unset.",
    aliases: ["subnets"],
  }),
  gateway: option.words({
    doc: "Addresses of the gateway, at most one for each subnet. Chosen by the engine if unset.",
  }),
  "ip-range": option.words({
    doc: "Ranges from which containers get addresses, at most one for each subnet.",
  }),
  "aux-addresses": option.pairs({
    doc: "Addresses that the network's driver leaves alone, `NAME=ADDRESS` a line.",
    aliases: ["aux-address"],
  }),
  "ipam-driver": option.string({ doc: "Driver that hands out addresses. Default: the engine's own." }),
  "ipam-options": option.pairs({ doc: "Options of that driver, `NAME=VALUE` a line." }),
  ipv6: option.boolean({
    doc: "Give containers IPv6 addresses too. Without an IPv6 subnet a private one is chosen.",
    default: "false",
  }),
  internal: option.boolean({ doc: "No way from the network to the outside.", default: "false" }),
  attachable: option.boolean({
    doc: "Containers may be attached by hand to a network of a swarm.",
    default: "false",
  }),
  labels: option.pairs({ doc: "Labels of the network, `NAME=VALUE` a line." }),
  ...engineOptions,
};

export default defineRecipe({
  doc: "Creates a network. One that is there already is used and left alone; one that this part made goes with the part.",
  options,
  outputs: {
    "network-id": { doc: "Id of the network." },
    subnets: { doc: "The subnets, separated by blanks, also where the engine chose them." },
    gateways: { doc: "The gateways, separated by blanks, as far as the engine tells those that it chose." },
  },
  async configure(context) {
    configureEngine(context);
    const { name } = context.options;
    if (name !== undefined) {
      checkName(context, "network", name);
      await makeAfterOther(context, `network:${name}`);
    }
    const needed = ["name", "subnet", "gateway", "ip-range", "aux-addresses", "ipv6"];
    if (needed.some((one) => context.unknown.has(one))) return;
    const { problems } = poolsOf(context.options as typeof context.options & { name: string });
    for (const problem of problems) context.fail(problem);
    if (problems.length === 0) await refuseOverlaps(context);
  },
  look,
  check,
  install: bringUp,
  update: bringUp,
  async uninstall(context) {
    const call: Call = { engine: await engineOf(context), signal: context.signal };
    for (const { kind, name } of context.record.resources) {
      const found = kind === "network" ? await networksNamed(call, name) : [];
      for (const network of found.filter(({ Labels }) => isOurs(Labels, context)))
        await removeNetwork(call, network).catch(async (error: unknown) => {
          throw await hasEndpoints(call, network, error);
        });
    }
  },
});

/** A subnet that a part asks for, on an engine as `place` has it. */
interface Asked {
  readonly part: string;
  readonly place: string;
  readonly network: string;
  readonly theirs: string;
  /** See prefixOf: a file may have thousands, each of which is compared with all before it. */
  readonly prefix: string;
}

/** Drivers whose networks share an engine's addresses; a swarm's have others. */
const LOCAL_DRIVERS = new Set([undefined, "bridge", "macvlan", "ipvlan"]);

/** Of two parts whose subnets overlap only one could be installed. */
async function refuseOverlaps(context: ConfigureContext<typeof options>): Promise<void> {
  const { name: network = "", driver, subnet: subnets = [], "ipam-driver": ipam } = context.options;
  if (!LOCAL_DRIVERS.has(driver) || ipam !== undefined) return;
  const asked = await context.shared<Asked[]>("subnets that parts ask for", () => []);
  const place = placeOf(context);
  const { part } = context;
  const others = asked.filter((one) => one.place === place && one.part !== part && one.network !== network);
  for (const subnet of subnets) {
    const prefix = prefixOf(subnet);
    const overlaps = others.filter((one) => prefixesMeet(one.prefix, prefix));
    if (overlaps.length > 0) context.fail(overlapping(overlaps.map((one) => ({ ...one, subnet }))));
    asked.push({ part, place, network, theirs: subnet, prefix });
  }
}

type Installing = InstallContext<typeof options>;

/** A network of somebody else's that could not be used is told before anything is done. */
async function check(context: CheckContext<typeof options>): Promise<void> {
  await refuseDeadEnd(context);
  if (context.unknown.size > 0) return;
  const found = await somebodyElses(context, "networks", ({ Name }) => Name === context.options.name);
  if (found) refuseOther(found, context.options as Installing["options"], false);
}

/** The network as asked for: made where there is none, checked where there is one. */
async function bringUp(context: Installing): Promise<Record<string, string>> {
  const call: Call = { engine: await engineOf(context), signal: context.signal };
  const { name } = context.options;
  const found = await inspectNetwork(call, name);
  const network = found ?? (await blaming(context, async () => await make(context, call)));
  const ours = isOurs(network.Labels, context);
  if (found || !ours) refuseOther(network, context.options, ours);
  // Ours without a record is what a run left that was killed and whose state was lost: it goes with the part again.
  if (found && ours) await context.created({ kind: "network", name });
  const pools = network.IPAM?.Config ?? [];
  return {
    "network-id": network.Id,
    subnets: pools.flatMap(({ Subnet }) => Subnet ?? []).join(" "),
    gateways: pools.flatMap(({ Gateway }) => Gateway?.split("/")[0] ?? []).join(" "),
  };
}

async function make(context: Installing, call: Call): Promise<NetworkState> {
  const settings = settingsOf(context);
  const { name } = settings;
  await context.created({ kind: "network", name });
  try {
    const id = await createNetwork(call, settings);
    const [first, ...others] = await networksNamed(call, name);
    if (first?.Id === id) return first;
    const made = others.find(({ Id }) => Id === id);
    if (first && made) {
      await removeNetwork(call, made);
      return await useOther(context, first);
    }
  } catch (error) {
    const other = isConflict(error) ? await inspectNetwork(call, name) : undefined;
    if (other) return await useOther(context, other);
    throw await refusedCreation(call, settings, error);
  }
  throw new RecipeError({
    code: "network/gone",
    message: `network ${name} was made and is gone again`,
    help: ["something else on this engine removes networks: run again"],
  });
}

function settingsOf(context: Installing): NetworkSettings & { readonly pools: readonly Pool[] } {
  const { options } = context;
  return {
    name: options.name,
    pools: poolsOf(options).pools,
    ...(options.driver ? { driver: options.driver } : {}),
    options: recordOf(options["driver-options"]),
    ...(options["ipam-driver"] ? { ipamDriver: options["ipam-driver"] } : {}),
    ...(options["ipam-options"].length > 0 ? { ipamOptions: recordOf(options["ipam-options"]) } : {}),
    ipv6: options.ipv6,
    internal: options.internal,
    attachable: options.attachable,
    labels: { ...recordOf(options.labels), ...labelsOf(context) },
  };
}

/** Somebody made the network in the same instant, and was the first. */
async function useOther(context: Installing, network: NetworkState): Promise<NetworkState> {
  await context.removed({ kind: "network", name: network.Name });
  return network;
}

/** The engine says that pools overlap, and not with whose; the networks that it has say that. */
async function refusedCreation(
  call: Call,
  settings: NetworkSettings & { readonly pools: readonly Pool[] },
  error: unknown,
): Promise<unknown> {
  const subnets = settings.pools.flatMap(({ Subnet }) => Subnet ?? []);
  if (call.signal?.aborted) return error;
  if (subnets.length === 0) return withoutSubnet(settings, error);
  const overlaps = await overlappingNetworks(call, subnets).catch(() => []);
  return overlaps.length > 0 ? new RecipeError(overlapping(overlaps), { cause: error }) : error;
}

/** What an engine answers that has no subnet left to choose; they are not of one mind about it. */
const NO_SUBNET = [400, 403, 404];

/** Where nothing is asked for but a name there is nothing else that an engine could refuse. */
function withoutSubnet({ driver, options, ipamDriver }: NetworkSettings, error: unknown): unknown {
  const plain = (driver ?? "bridge") === "bridge" && !ipamDriver && Object.keys(options ?? {}).length === 0;
  if (!plain || !(error instanceof DockerError) || !NO_SUBNET.includes(error.statusCode ?? 0)) return error;
  return new RecipeError(
    {
      code: "network/no-subnet",
      message: `the engine found no subnet for the network: ${error.message}`,
      help: [
        "remove networks that nobody uses: docker network prune",
        "or choose a subnet that is free: subnet = 10.123.0.0/24",
      ],
    },
    { cause: error },
  );
}

/** @param overlaps with at least one */
function overlapping(overlaps: readonly (Overlap & { readonly part?: string })[]): Problem {
  return {
    code: "network/overlap",
    message: `subnet ${overlaps[0]?.subnet} overlaps with another network`,
    notes: overlaps.map(
      ({ subnet, network, theirs, part }) =>
        `${subnet} overlaps with ${theirs} of network ${network}${part === undefined ? "" : ` (part ${part})`}`,
    ),
    help: ["choose a subnet that is free, or leave the choice to the engine"],
    option: "subnet",
  };
}

function refuseOther(network: NetworkState, wanted: Installing["options"], ours: boolean): void {
  const differences = [
    ...(wanted.driver && wanted.driver !== network.Driver
      ? [`its driver is ${network.Driver}, not ${wanted.driver}`]
      : []),
    ...differingFlag("ipv6", wanted.ipv6 || undefined, network.EnableIPv6),
    ...differingFlag("internal", wanted.internal, network.Internal),
    ...differingFlag("attachable", wanted.attachable || undefined, network.Attachable),
    ...differingPools(wanted, network.IPAM?.Config ?? []),
    ...differingPairs("driver option", recordOf(wanted["driver-options"]), network.Options),
    ...differingPairs("label", recordOf(wanted.labels), network.Labels),
  ];
  if (differences.length === 0) return;
  throw new RecipeError({
    code: "network/differs",
    message: `network ${network.Name} is there already and differs from what is asked for`,
    notes: [...differences, ours ? "this part made it" : "this part did not make it, and leaves it as it is"],
    help: ["ask for what is there, take another name, or remove the network"],
    option: "name",
  });
}

async function hasEndpoints(call: Call, { Id, Name: name }: NetworkState, error: unknown): Promise<unknown> {
  const network = await inspectNetwork(call, Id);
  const holders = Object.entries(network?.Containers ?? {}).map(([id, { Name }]) => Name ?? id.slice(0, 12));
  if (holders.length === 0) return error;
  return new RecipeError(
    {
      code: "network/in-use",
      message: `network ${name} cannot be removed: it has endpoints`,
      notes: holders.sort().map((holder) => `container ${holder} is connected to it`),
      help: holders.map((holder) => `docker network disconnect ${name} ${holder}`),
    },
    { cause: error, untouched: true },
  );
}

async function look(context: LookContext): Promise<Map<string, Drift[]>> {
  const drift = new Map<string, Drift[]>();
  for (const record of context.records) {
    const engine = await engineOfRecord(context, record);
    const { name = record.part } = record.options;
    const found = (await listing(context, engine, "networks")).find((network) => network.Name === name);
    const id = record.outputs["network-id"];
    // Containers hold a network by its id: with another of the same name they must be made anew as well.
    if (!found)
      drift.set(record.part, [{ kind: "missing", message: `network ${name} is gone`, repair: "reinstall" }]);
    else if (id && found.Id !== id)
      drift.set(record.part, [
        { kind: "changed", message: `network ${name} is not the one that it was`, repair: "reinstall" },
      ]);
  }
  return drift;
}
