// Starts an unpacked engine in a network namespace of its own: a second dockerd beside the first would be in its way.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { version } from "./endpoints.mjs";
import { killShims, startDetached, stop, until } from "./processes.mjs";

/**
 * Starts one of the unpacked engines. `features` are those of dockerd's settings.
 * @returns its endpoint, the command prefix that runs a program in its network, and what stops it
 */
export async function startOther(name, { root, folder, features }) {
  const namespace = `tsb-${name}`;
  spawnSync("ip", ["netns", "add", namespace]);
  // Not `ip netns exec`: that mounts /sys anew, without the control groups.
  const enter = ["nsenter", `--net=/run/netns/${namespace}`];
  run([...enter, "ip", "link", "set", "lo", "up"]);
  const started = name.startsWith("podman")
    ? await startPodman({ root, enter, folder: fs.mkdtempSync("/dev/shm/tsb-podman-") })
    : startDocker({ root, enter, folder: join(folder, `${name}-engine`), features });
  const endpoint = { host: `unix://${started.socket}` };
  return {
    host: endpoint.host,
    version: await version(endpoint),
    enter,
    stop: async () => {
      await started.stop();
      spawnSync("ip", ["netns", "delete", namespace]);
    },
  };
}

function startDocker({ root, enter, folder, features = {} }) {
  const bins = ["usr/sbin", "usr/bin", "usr/libexec/docker"].map((path) => join(root, path));
  const path = `PATH=${[...bins, process.env.PATH].join(":")}`;
  const engine = (command, ...more) =>
    run([...enter, "env", path, "scripts/engine", command, "--private", "--dir", folder, ...more]);
  engine("up", "--settings", JSON.stringify({ features }));
  return { socket: join(folder, "docker.sock"), stop: async () => engine("down") };
}

/** What the system lets a process have at most; podman would raise it, for which a capability is missing in CI. */
function hardLimit(name) {
  const line = new RegExp(`^${name} +\\S+ +(\\d+)`, "m").exec(fs.readFileSync("/proc/self/limits", "utf8"));
  return Math.min(Number(line?.[1] ?? 20_000), 20_000);
}

function ulimit(name, of) {
  return JSON.stringify(`${name}=${hardLimit(of)}:${hardLimit(of)}`);
}

/** What podman's own settings must say for it to do here what dockerd does unasked. */
const PODMAN = {
  "etc/containers/containers.conf": `[containers]\ndefault_ulimits = [${ulimit("nofile", "Max open files")}, ${ulimit("nproc", "Max processes")}]\n[engine]\nhelper_binaries_dir = ["/usr/libexec/podman", "/usr/lib/podman", "/usr/bin"]\n`,
  // dockerd speaks plain HTTP to registries of 127.0.0.0/8.
  "etc/containers/registries.conf.d/local.conf":
    'unqualified-search-registries = ["docker.io"]\n[[registry]]\nprefix = "127.0.0.1"\nlocation = "127.0.0.1"\ninsecure = true\n',
};

/** Podman in its own root, with the folders that tests share with containers at the same place. */
async function startPodman({ root, enter, folder }) {
  for (const path of ["proc", "sys", "dev", "tmp", "run", "root", "var/tmp"])
    fs.mkdirSync(join(root, path), { recursive: true });
  fs.writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  fs.writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  fs.copyFileSync("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  for (const [path, text] of Object.entries(PODMAN)) {
    fs.mkdirSync(dirname(join(root, path)), { recursive: true });
    fs.writeFileSync(join(root, path), text);
  }
  const socket = join(folder, "podman.sock");
  // What an earlier start left in /run (name servers, addresses given away) would be in the way of this one.
  // The real root must be gone, not only out of sight: a program that joins a container's mounts (`exec`) starts
  // from there. What does that in the new root is a static busybox, since nothing else there can be counted on.
  fs.copyFileSync("/bin/busybox", join(root, "busybox"));
  fs.mkdirSync(join(root, "old"), { recursive: true });
  const script = `
    set -e
    mount --make-rprivate /
    mount --bind "$1" "$1"; cd "$1"
    for d in proc sys dev tmp; do mount --rbind "/$d" "$1/$d"; done
    mount -t tmpfs tmpfs "$1/run"
    pivot_root . old
    exec /busybox sh -c 'cd /; umount -l /old; exec /busybox env -i HOME=/root PATH=/usr/sbin:/usr/bin "$@"' sh \\
      /usr/bin/podman --root "$2/root" --runroot "$2/run" --tmpdir "$2/tmp" --network-config-dir "$2/networks" \\
      --cgroup-manager cgroupfs --events-backend file --runtime runc --log-level warn system service --time=0 "unix://$3"`;
  const args = [...enter.slice(1), "unshare", "--mount", "sh", "-c", script, "sh", root, folder, socket];
  const pid = startDetached(enter[0], args, join(folder, "log"));
  const up = await until(() => version({ host: `unix://${socket}` }).then(yes, no), 30);
  if (!up)
    throw new Error(`podman does not answer: ${fs.readFileSync(join(folder, "log"), "utf8").slice(-2000)}`);
  return {
    socket,
    stop: async () => {
      await stop(pid, folder, 10);
      killShims(folder);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

function yes() {
  return true;
}

function no() {
  return false;
}

function run([command, ...args]) {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${(done.stderr || "").trim()}`);
}
