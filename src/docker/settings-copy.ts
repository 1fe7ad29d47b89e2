import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credentials } from "./auth-types.js";
import { readDockerConfig } from "./docker-config.js";
import { configFolder, type Surroundings } from "./endpoint.js";

/** Settings of the docker CLI for one program run. */
export interface DockerSettings {
  /** What leads the program there. */
  readonly env: Readonly<Record<string, string>>;
  /** Removes them again. */
  remove(): Promise<void>;
}

/**
 * The user's settings of the docker CLI with further logins, for programs such as buildx that know no other way to be
 * given one. They are in a folder that only this user can read; everything else in it leads to the user's own.
 */
export async function settingsWithLogins(
  at: Surroundings,
  logins: readonly Credentials[],
): Promise<DockerSettings> {
  const own = configFolder(at);
  const config = await readDockerConfig(join(own, "config.json"));
  const folder = await mkdtemp(join(tmpdir(), "tsbuildout-docker-"));
  const auths: Record<string, unknown> = { ...config.auths };
  // A helper that is named for a host, even by no name, goes before a store for all hosts.
  const credHelpers: Record<string, string> = { ...config.credHelpers };
  for (const { serverAddress, username = "", password = "" } of logins) {
    auths[serverAddress] = { auth: Buffer.from(`${username}:${password}`).toString("base64") };
    credHelpers[serverAddress] = "";
  }
  for (const name of await readdir(own).catch(() => []))
    if (name !== "config.json") await symlink(join(own, name), join(folder, name));
  const text = JSON.stringify({ ...config, auths, credHelpers });
  await writeFile(join(folder, "config.json"), text, { mode: 0o600 });
  return {
    env: { DOCKER_CONFIG: folder, BUILDX_CONFIG: at.env["BUILDX_CONFIG"] ?? join(own, "buildx") },
    remove: async () => await rm(folder, { recursive: true, force: true }),
  };
}
