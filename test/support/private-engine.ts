import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";

/**
 * A dockerd of a test's own, to be killed and started again. It has a network namespace of its own: even with
 * `--bridge=none` it would take away the docker0 of another one.
 */
export class PrivateEngine {
  readonly host: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.host = `unix://${join(folder, "docker.sock")}`;
  }

  /** As root, on Linux, where dockerd is installed. */
  static async start(): Promise<PrivateEngine> {
    // Short, for the sake of sockets; in memory, for the sake of speed.
    const engine = new PrivateEngine(await mkdtemp("/dev/shm/tsb-own-"));
    await engine.up();
    return engine;
  }

  /** Starts it on what it had before. */
  async up(): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    // Whose process may be dead and not yet forgotten by the system.
    for (const pid of ["pid", "exec/containerd/containerd.pid"]) await rm(at(pid), { force: true });
    await writeFile(at("daemon.json"), "{}");
    const places = ["--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid")];
    const network = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"];
    const args = ["--host", this.host, "--config-file", at("daemon.json"), ...places, ...network];
    const child = spawn("unshare", ["--net", "dockerd", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    this.#child = child;
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-3000)));
    const failed = once(child, "exit").then(() => Promise.reject(new Error(`dockerd ended:\n${log}`)));
    failed.catch(() => undefined);
    await Promise.race([this.#answers(), failed]);
  }

  /** Ends it, at once or as a restart of its service does. */
  async down(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
    if (signal === "SIGKILL") this.#killLeft();
  }

  /** Ends it and removes everything of it. */
  async remove(): Promise<void> {
    await this.down("SIGTERM");
    this.#killLeft();
    const mounts = readFileSync("/proc/mounts", "utf8").match(/(?<=^\S+ )\S+/gm) ?? [];
    const ours = mounts.filter((path) => path.startsWith(`${this.#folder}/`)).reverse();
    for (const path of ours) execFileSync("umount", ["-l", path]);
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #answers(): Promise<void> {
    const end = Date.now() + 120_000;
    while (!(await this.#ping())) if (Date.now() > end) throw new Error("dockerd does not answer");
  }

  #ping(): Promise<boolean> {
    return new Promise((resolve) => {
      const socketPath = join(this.#folder, "docker.sock");
      const request = http.get({ socketPath, path: "/_ping", agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      request.on("error", () => setTimeout(resolve, 20, false));
    });
  }

  /** Its containerd and what runs in its containers: they name its folder, or are in its control groups. */
  #killLeft(): void {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(this.#folder))
          process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
