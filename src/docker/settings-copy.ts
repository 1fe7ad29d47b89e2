import { readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Credentials } from "./auth-types.js";
import { readDockerConfig } from "./docker-config.js";
import { configFolder, type Surroundings } from "./endpoint.js";

/**
 * Writes the user's settings of the docker CLI with further logins, for programs such as buildx that know no other way
 * to be given one; all but the logins leads to the user's own.
 * @param folder that only this user can enter, and that goes afterwards
 * @returns the environment that leads a program there
 */
export async function settingsWithLogins(
  at: Surroundings,
  logins: readonly Credentials[],
  folder: string,
): Promise<Readonly<Record<string, string>>> {
  const own = configFolder(at);
  const config = await readDockerConfig(join(own, "config.json"));
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
  return { DOCKER_CONFIG: folder, BUILDX_CONFIG: at.env["BUILDX_CONFIG"] ?? join(own, "buildx") };
}
