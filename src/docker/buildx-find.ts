import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { configFolder, type Surroundings } from "./endpoint.js";
import { readDockerConfig } from "./docker-config.js";

/** Where the docker CLI looks for plugins, after the user's own (docker/cli: cli-plugins/manager). */
const SYSTEM_FOLDERS = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/**
 * How buildx is run here: `docker buildx` where both are installed, the plugin or a `buildx` program by itself where the
 * docker program is not. Nothing is run to find out.
 */
export async function findBuildx(at: Surroundings): Promise<readonly string[] | undefined> {
  const config = await readDockerConfig(join(configFolder(at), "config.json"));
  const extra: unknown = (config as { readonly cliPluginsExtraDirs?: unknown }).cliPluginsExtraDirs;
  const folders = [
    ...(Array.isArray(extra) ? extra.map(String) : []),
    join(configFolder(at), "cli-plugins"),
    ...SYSTEM_FOLDERS,
  ];
  const plugin = await firstProgram(folders.map((folder) => join(folder, "docker-buildx")));
  const path = (at.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  if (!plugin) return wrap(await firstProgram(path.map((folder) => join(folder, "buildx"))));
  const docker = await firstProgram(path.map((folder) => join(folder, "docker")));
  return docker ? [docker, "buildx"] : [plugin];
}

function wrap(program: string | undefined): readonly string[] | undefined {
  return program === undefined ? undefined : [program];
}

async function firstProgram(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return path;
  }
  return undefined;
}
