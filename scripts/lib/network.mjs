// The private engine's network. It gets a bridge and an address pool of its own and `--iptables=false`:
// a dockerd that manages iptables takes over docker0 and rewrites the chains of any other dockerd of the machine.
// Not a network namespace: what it publishes could not be reached at 127.0.0.1.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const POOLS = ["10.213", "10.214", "10.215", "10.216", "10.217", "10.218", "172.29", "172.28"];

/**
 * A bridge for the engine. Its name is the pool's: of engines that start at once, only one can make it.
 * @param {string} owner what tells this engine's bridge from another's of the same name, in another network namespace
 */
export function createBridge(owner) {
  const taken = addresses();
  const pool = POOLS.find(
    (each) =>
      !taken.some(({ ip }) => ip.startsWith(`${each}.`)) &&
      run("ip", ["link", "add", bridgeOf(each), "type", "bridge"], true),
  );
  if (!pool) throw new Error(`no free address range for the engine's networks (tried ${POOLS.join(", ")})`);
  const bridge = bridgeOf(pool);
  run("ip", ["link", "set", bridge, "alias", owner]);
  run("ip", ["addr", "replace", `${pool}.0.1/24`, "dev", bridge]);
  run("ip", ["link", "set", bridge, "up"]);
  const routed = rules(pool).every((rule) => run("iptables", rule("-I"), true));
  return { bridge, owner, pool, routed };
}

function bridgeOf(pool) {
  return `tsb-${pool.replace(".", "-")}`;
}

/** Takes away the bridge, those of the engine's networks, and what was added to iptables; nothing of another engine. */
export function removeBridge({ bridge, owner, pool, dataRoot }) {
  for (const name of networkBridges(pool, dataRoot)) run("ip", ["link", "delete", name], true);
  if (alias(bridge) !== owner) return;
  for (const rule of rules(pool)) run("iptables", rule("-D"), true);
  run("ip", ["link", "delete", bridge], true);
}

/** `br-<id>` of the networks that the engine has on record, also where it is dead. */
function networkBridges(pool, dataRoot) {
  const networks = join(dataRoot, "docker/network/files/local-kv.db");
  const known = existsSync(networks) ? readFileSync(networks) : Buffer.alloc(0);
  return addresses()
    .filter(({ name, ip }) => ip.startsWith(`${pool}.`) && name.startsWith("br-"))
    .map(({ name }) => name)
    .filter((name) => known.includes(name.slice("br-".length)));
}

function alias(bridge) {
  const { stdout } = spawnSync("ip", ["-o", "link", "show", "dev", bridge], { encoding: "utf8" });
  return /\balias (\S+)/.exec(stdout ?? "")?.[1];
}

/** Not os.networkInterfaces(): it leaves out a bridge that nothing is plugged into. */
function addresses() {
  const { stdout } = spawnSync("ip", ["-4", "-o", "addr"], { encoding: "utf8" });
  return [...(stdout ?? "").matchAll(/^\d+: (\S+) +inet ([\d.]+)/gm)].map(([, name, ip]) => ({ name, ip }));
}

/** What gives containers a way out and, where another engine drops forwarded packets, a way to each other. */
function rules(pool) {
  const net = `${pool}.0.0/16`;
  return [
    (verb) => ["-w", "-t", "nat", verb, "POSTROUTING", "-s", net, "!", "-d", net, "-j", "MASQUERADE"],
    (verb) => ["-w", verb, "FORWARD", "-s", net, "-j", "ACCEPT"],
    (verb) => ["-w", verb, "FORWARD", "-d", net, "-j", "ACCEPT"],
  ];
}

function run(command, args, mayFail = false) {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.status === 0) return true;
  if (mayFail) return false;
  throw new Error(`${command} ${args.join(" ")}: ${(done.stderr || done.error?.message || "").trim()}`);
}
