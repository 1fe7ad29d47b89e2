// The private engine's network. It gets a bridge and an address pool of its own and `--iptables=false`:
// a dockerd that manages iptables takes over docker0 and rewrites the chains of any other dockerd of the machine.
import { spawnSync } from "node:child_process";

const POOLS = ["10.213", "10.214", "10.215", "10.216", "172.29", "172.28"];

/** A bridge for the engine; `name` has at most 15 characters (a limit of Linux). */
export function createBridge(name) {
  const pool = freePool();
  run("ip", ["link", "add", name, "type", "bridge"], true);
  run("ip", ["addr", "replace", `${pool}.0.1/24`, "dev", name]);
  run("ip", ["link", "set", name, "up"]);
  const routed = rules(pool).every((rule) => run("iptables", rule("-I"), true));
  return { bridge: name, pool, routed };
}

/** Takes away the bridge, those of the engine's networks, and what was added to iptables. */
export function removeBridge({ bridge, pool }) {
  for (const rule of rules(pool)) run("iptables", rule("-D"), true);
  const ours = addresses().filter(({ name, ip }) => ip.startsWith(`${pool}.`) && /^br-|^tsb/.test(name));
  for (const name of new Set([bridge, ...ours.map((a) => a.name)])) run("ip", ["link", "delete", name], true);
}

function freePool() {
  const taken = addresses();
  const free = POOLS.find((pool) => !taken.some(({ ip }) => ip.startsWith(`${pool}.`)));
  if (!free) throw new Error(`no free address range for the engine's networks (tried ${POOLS.join(", ")})`);
  return free;
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
