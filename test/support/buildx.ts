import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { projectFolder } from "./cli.js";
import { temporaryFolder } from "./tmp.js";

/** Where packages put buildx. */
const PLUGINS = [
  "/usr/libexec/docker/cli-plugins/docker-buildx",
  "/usr/lib/docker/cli-plugins/docker-buildx",
];

/**
 * The real buildx, as a user has it beside the docker program: the machine's own, else that of a later Debian, unpacked
 * (Debian 12 has none).
 * @returns what to put into the environment of a part
 */
export async function realBuildx(): Promise<Readonly<Record<string, string>>> {
  const own = PLUGINS.find((path) => existsSync(path));
  const [docker = "docker", plugin = ""] = own ? ["docker", own] : unpacked();
  const config = await temporaryFolder({ "cli-plugins/.keep": "" });
  await symlink(plugin, join(config, "cli-plugins/docker-buildx"));
  const path = process.env["PATH"] ?? "/usr/bin:/bin";
  return { DOCKER_CONFIG: config, PATH: own ? path : `${dirname(docker)}:${path}` };
}

function unpacked(): string[] {
  const script = join(projectFolder, "scripts/unpack-docker.mjs");
  return execFileSync(process.execPath, [script], { encoding: "utf8" }).trim().split("\n");
}
