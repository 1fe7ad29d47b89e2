// A dockerd (and its containerd) of our own under one folder: started, found again, stopped, taken away.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { install, program } from "./apt.mjs";
import { request, version } from "./endpoints.mjs";
import { createBridge, removeBridge } from "./network.mjs";
import { isOurs, killShims, startDetached, stop, until } from "./processes.mjs";

const GIB = 2 ** 30;

/** Where everything of the private engine is. One folder per user unless told otherwise. */
export function layout(folder = process.env.TSBUILDOUT_ENGINE_DIR) {
  const dir = resolve(folder ?? join(tmpdir(), `tsbuildout-engine-${process.getuid?.() ?? "user"}`));
  const socket = join(dir, "docker.sock");
  return {
    dir,
    socket,
    id: createHash("sha256").update(dir).digest("hex").slice(0, 8),
    endpoint: { host: `unix://${socket}`, from: "private engine" },
    state: join(dir, "engine.json"),
    pidFile: join(dir, "dockerd.pid"),
    log: join(dir, "dockerd.log"),
  };
}

/** What is on record about the private engine: data root, bridge, pids; undefined where there is none. */
export function recorded(at) {
  if (!fs.existsSync(at.dir)) return undefined;
  // In a temporary folder anybody may have made it, to have root read a record of theirs.
  const stat = fs.lstatSync(at.dir);
  if (!stat.isDirectory() || stat.uid !== process.getuid())
    throw new Error(`${at.dir} is not a folder of this user; give another with --dir`);
  return fs.existsSync(at.state) ? JSON.parse(fs.readFileSync(at.state, "utf8")) : undefined;
}

/** Starts the engine. The remains of one that died are taken away first. */
export async function start(at, options) {
  await remove(at);
  prepareFolder(at);
  prepareMachine();
  const dataRoot = resolve(options.dataRoot ?? roomiest(at));
  const record = { dataRoot, ...createBridge(at.id) };
  const save = () => fs.writeFileSync(at.state, JSON.stringify(record));
  save();
  fs.mkdirSync(dataRoot, { recursive: true, mode: 0o711 });
  record.containerd = startContainerd(at, dataRoot);
  save();
  await until(() => fs.existsSync(join(at.dir, "containerd.sock")), 60);
  record.dockerd = startDetached(program("dockerd"), dockerdArguments(at, record, options.settings), at.log);
  save();
  await answers(at, record);
}

/** What an engine needs of the machine: programs and control groups. Installs by network what is missing. */
export function prepareMachine() {
  const needed = ["dockerd", "containerd", "runc", "iptables", "ip"].filter((name) => !program(name));
  if (needed.length > 0) install(["docker.io", "iptables", "iproute2", "ca-certificates"]);
  mountCgroups();
}

function prepareFolder(at) {
  if (at.socket.length > 90)
    throw new Error(`${at.dir} is too long a path for a socket; give a shorter --dir`);
  fs.mkdirSync(at.dir, { recursive: true, mode: 0o700 });
}

/** In memory where there is room: creating many small files on a disk costs a millisecond each. */
function roomiest(at) {
  const shm = "/dev/shm";
  const room = fs.existsSync(shm) ? fs.statfsSync(shm) : { bavail: 0, bsize: 0 };
  const available =
    Number(/MemAvailable:\s+(\d+)/.exec(fs.readFileSync("/proc/meminfo", "utf8"))?.[1]) * 1024;
  const ram = room.bavail * room.bsize > 4 * GIB && available > 8 * GIB;
  return ram ? join(shm, `tsbuildout-engine-${at.id}`) : join(at.dir, "data");
}

/** A containerd of its own: dockerd would otherwise share the machine's, or trip over a dead one's socket. */
function startContainerd(at, dataRoot) {
  const config = join(at.dir, "containerd.toml");
  const toml = [
    "version = 2",
    `root = ${JSON.stringify(join(dataRoot, "containerd"))}`,
    `state = ${JSON.stringify(join(at.dir, "containerd"))}`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\n  address = ${JSON.stringify(join(at.dir, "containerd.sock"))}`,
  ];
  fs.writeFileSync(config, `${toml.join("\n")}\n`);
  return startDetached(program("containerd"), ["--config", config], join(at.dir, "containerd.log"));
}

function dockerdArguments(at, { dataRoot, bridge, pool }, settings) {
  return [
    ["--host", at.endpoint.host],
    ["--data-root", join(dataRoot, "docker")],
    ["--exec-root", join(at.dir, "exec")],
    ["--pidfile", at.pidFile],
    ["--containerd", join(at.dir, "containerd.sock")],
    ["--bridge", bridge],
    ["--default-address-pool", `base=${pool}.0.0/16,size=24`],
    // The machine's own daemon.json is none of ours.
    ["--config-file", ownConfig(at, settings)],
    ["--iptables=false"],
  ].flat();
}

function ownConfig(at, settings = "{}") {
  const file = join(at.dir, "daemon.json");
  fs.writeFileSync(file, settings);
  return file;
}

async function answers(at, record) {
  const up = await until(async () => {
    if (!isOurs(record.dockerd, at.dir)) return true;
    return version(at.endpoint, 1000).then(
      () => true,
      () => false,
    );
  }, 300);
  if (up && isOurs(record.dockerd, at.dir)) return;
  const log = fs.existsSync(at.log) ? fs.readFileSync(at.log, "utf8").trim().split("\n") : [];
  await remove(at);
  throw new Error(`dockerd did not start. The end of its log:\n  ${log.slice(-8).join("\n  ")}`);
}

/** Bare containers have no control groups mounted; dockerd needs them. */
function mountCgroups() {
  if (
    fs
      .readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .some((line) => / cgroup2? /.test(line))
  )
    return;
  if (!program("cgroupfs-mount")) install(["cgroupfs-mount"]);
  const mount = program("cgroupfs-mount");
  if (mount) spawnSync(mount, { stdio: ["ignore", 2, 2] });
}

/** Stops what is left of the private engine and takes its folder, data root and bridge away. */
export async function remove(at) {
  const record = recorded(at);
  if (!record) return false;
  if (isOurs(record.dockerd, at.dir)) await killContainers(at);
  await stop(record.dockerd, at.dir, 30);
  await stop(record.containerd, at.dir, 10);
  killShims(at.dir);
  removeBridge(record);
  for (const folder of [record.dataRoot, at.dir]) removeTree(folder);
  return true;
}

/** All at once: dockerd by itself would wait ten seconds for each that ignores SIGTERM. */
async function killContainers(at) {
  const running = await request(at.endpoint, { path: "/containers/json" }).then(JSON.parse, () => []);
  const kill = ({ Id }) => request(at.endpoint, { method: "POST", path: `/containers/${Id}/kill` });
  await Promise.allSettled(running.map(kill));
}

/** Removes a folder, never through a mount: a volume may have a user's own folder bound into it. */
function removeTree(folder) {
  for (const mount of mountsBelow(folder).reverse()) spawnSync("umount", ["-l", mount]);
  const left = mountsBelow(folder);
  if (left.length > 0) throw new Error(`${folder} is left as it is: ${left[0]} is still mounted`);
  spawnSync("rm", ["-rf", "--one-file-system", folder], { stdio: ["ignore", 2, 2] });
}

function mountsBelow(folder) {
  return fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, o) => String.fromCharCode(parseInt(o, 8))),
    )
    .filter((path) => path.startsWith(`${folder}/`));
}
