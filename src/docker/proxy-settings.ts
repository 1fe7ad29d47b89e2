import { readDockerConfig } from "./docker-config.js";
import { configFolder, type Surroundings } from "./endpoint.js";

/** By the names of the settings and of the variables (https://docs.docker.com/engine/cli/proxy/). */
const VARIABLES = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  ftpProxy: "FTP_PROXY",
  noProxy: "NO_PROXY",
  allProxy: "ALL_PROXY",
} as const;

/**
 * The variables that the docker CLI's settings want builds and containers on an engine to have, in both spellings. Every
 * builder knows them as build arguments, and leaves them out of the image and of its cache.
 * @param endpoint the engine's URL, for which there may be settings of its own
 * @throws DockerError `credentials/bad-config`
 */
export async function proxyVariables(endpoint: string, at: Surroundings): Promise<Record<string, string>> {
  const { proxies } = await readDockerConfig(`${configFolder(at)}/config.json`);
  const settings = proxies?.[endpoint] ?? proxies?.["default"] ?? {};
  const variables = Object.entries(VARIABLES).flatMap(([setting, name]) => {
    const value = settings[setting as keyof typeof VARIABLES];
    // What is in the file is what somebody has written there.
    return value && typeof value === "string"
      ? [name, name.toLowerCase()].map((spelling) => [spelling, value])
      : [];
  });
  return Object.fromEntries(variables) as Record<string, string>;
}
