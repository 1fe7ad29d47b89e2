import { createHash } from "node:crypto";
import { contains, overlap, parseCidr, type Pool } from "tsbuildout/docker";
import type { Problem } from "tsbuildout/recipe";

/** The options of docker.network that say which addresses it has. */
export interface PoolOptions {
  readonly name: string;
  readonly subnet?: readonly string[];
  readonly gateway?: readonly string[];
  readonly "ip-range"?: readonly string[];
  readonly "aux-addresses"?: readonly (readonly [string, string | undefined])[];
  readonly ipv6?: boolean;
}

type Draft = {
  Subnet: string;
  Gateway?: string;
  IPRange?: string;
  AuxiliaryAddresses?: Record<string, string>;
};

interface Pools {
  readonly pools: readonly Pool[];
  readonly problems: readonly Problem[];
}

/** Sorts gateways, ranges and addresses to the subnets that hold them, as `docker network create` does. */
export function poolsOf(options: PoolOptions): Pools {
  const problems: Problem[] = [];
  const fail = (message: string, option: string): void =>
    void problems.push({ code: "option/value", message, option });
  const drafts = subnetsOf(options, fail);
  const holder = (option: string, address: string): Draft | undefined => {
    const found = drafts.find((draft) => contains(draft.Subnet, address));
    if (!found) fail(`${address} lies in none of the subnets`, option);
    return found;
  };
  for (const gateway of options.gateway ?? []) {
    const draft = holder("gateway", gateway);
    if (draft?.Gateway) fail(`${draft.Subnet} has two gateways, ${draft.Gateway} and ${gateway}`, "gateway");
    else if (draft) draft.Gateway = gateway;
  }
  for (const range of options["ip-range"] ?? []) {
    const draft = isSubnet(range)
      ? holder("ip-range", range)
      : fail(`"${range}" is not a range of addresses`, "ip-range");
    if (draft?.IPRange) fail(`${draft.Subnet} has two ranges, ${draft.IPRange} and ${range}`, "ip-range");
    else if (draft) draft.IPRange = range;
  }
  for (const [name, address = ""] of options["aux-addresses"] ?? []) {
    const draft = holder("aux-addresses", address);
    if (draft) (draft.AuxiliaryAddresses ??= {})[name] = address;
  }
  return { pools: [...drafts, ...privatePool(options, drafts)], problems };
}

function subnetsOf(options: PoolOptions, fail: (message: string, option: string) => void): Draft[] {
  const drafts: Draft[] = [];
  for (const subnet of options.subnet ?? []) {
    const other = isSubnet(subnet) ? drafts.find((draft) => overlap(draft.Subnet, subnet)) : undefined;
    if (!isSubnet(subnet))
      fail(`"${subnet}" is not a subnet: write an address and its bits, 10.1.0.0/16`, "subnet");
    else if (other) fail(`${subnet} overlaps with ${other.Subnet}`, "subnet");
    else if (isV6(subnet) && !options.ipv6) fail(`${subnet} needs ipv6 = true`, "subnet");
    else drafts.push({ Subnet: subnet });
  }
  return drafts;
}

function isSubnet(text: string): boolean {
  try {
    parseCidr(text);
    return true;
  } catch {
    return false;
  }
}

function isV6(subnet: string): boolean {
  return parseCidr(subnet).family === "ipv6";
}

/** Engines before 27 have no IPv6 pool of their own: a unique local prefix (RFC 4193) made from the network's name. */
function privatePool(options: PoolOptions, drafts: readonly Draft[]): Pool[] {
  if (!options.ipv6 || drafts.some((draft) => isV6(draft.Subnet))) return [];
  const hex = createHash("sha256").update(`tsbuildout network ${options.name}`).digest("hex");
  return [
    { Subnet: `fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}:${hex.slice(10, 14)}::/64` },
  ];
}

/** How the pools of a network that is there differ from those asked for. */
export function differingPools(options: PoolOptions, actual: readonly Pool[]): string[] {
  // A prefix that we chose ourselves nobody asked for.
  const asked = poolsOf({
    ...options,
    ipv6: options.subnet?.some((subnet) => isSubnet(subnet) && isV6(subnet)) ?? false,
  });
  return asked.pools.flatMap((pool) => {
    const found = actual.find(({ Subnet }) => Subnet === pool.Subnet);
    if (!found) return [`its subnets are ${subnetList(actual)}, not ${pool.Subnet}`];
    return [
      ...(pool.Gateway && pool.Gateway !== found.Gateway?.split("/")[0]
        ? [`its gateway is ${found.Gateway || "not set"}, not ${pool.Gateway}`]
        : []),
      ...(pool.IPRange && pool.IPRange !== found.IPRange
        ? [`its range is ${found.IPRange || "not set"}, not ${pool.IPRange}`]
        : []),
    ];
  });
}

function subnetList(pools: readonly Pool[]): string {
  return pools.map(({ Subnet }) => Subnet).join(" and ") || "none";
}
