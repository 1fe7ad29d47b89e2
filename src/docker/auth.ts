import type { Credentials } from "./auth-types.js";
import { urlSafeBase64 } from "./base64.js";
import { askHelper, type HelperAt } from "./credential-helper.js";
import { authEntry, readDockerConfig, type AuthEntry, type DockerConfig } from "./docker-config.js";
import { configFolder, type Surroundings } from "./endpoint.js";
import { DockerError } from "./errors.js";
import { jsonObject } from "./json-object.js";

/** Makes tokens for hosts that it knows (ECR's); undefined for any other host and where it has no means to. */
export type CredentialProvider = (
  host: string,
  signal: AbortSignal | undefined,
) => Promise<{ readonly username: string; readonly password: string } | undefined>;

/** Where a login may come from, in the order in which credentialsFor asks: what is given here, the environment, the docker CLI's settings. */
export interface CredentialSources extends Surroundings {
  /** The part's options `username` and `password`. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Instead of ECR, which makes passwords from AWS credentials. */
  readonly provider?: CredentialProvider;
}

const HUB_HOSTS = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
]);
const HUB_KEY = "https://index.docker.io/v1/";

/** The key of a registry in `auths` and for helpers; Docker Hub's is a URL for historical reasons. */
export function serverAddress(host: string): string {
  return HUB_HOSTS.has(host) ? HUB_KEY : host;
}

/**
 * The credentials for a registry: options, DOCKER_AUTH_CONFIG, `credHelpers`, `credsStore`, the provider, `auths`.
 * @param host the domain of an image reference
 * @returns undefined where nobody has any: the registry is asked as anybody
 * @throws DockerError `credentials/…`
 */
export async function credentialsFor(
  host: string,
  sources: CredentialSources,
): Promise<Credentials | undefined> {
  const address = serverAddress(host);
  const given = fromOptions(address, sources);
  if (given) return given;
  const fromEnv = environmentConfig(sources);
  const entry = under(fromEnv?.auths, host);
  if (entry) return fromEntry(entry, address, "DOCKER_AUTH_CONFIG");
  const path = `${configFolder(sources)}/config.json`;
  const config = await readDockerConfig(path);
  const stored = fromEntry(under(config.auths, host), address, path);
  return (await fromHelpers(host, config, sources)) ?? (await fromProvider(host, sources, stored)) ?? stored;
}

/** The hosts for which the settings name credentials or a helper: what a build may be asked for. */
export async function knownRegistries(sources: CredentialSources): Promise<string[]> {
  const config = await readDockerConfig(`${configFolder(sources)}/config.json`);
  const fromEnv = environmentConfig(sources);
  const keys = [fromEnv?.auths, config.auths, config.credHelpers].flatMap((record) =>
    Object.keys(record ?? {}),
  );
  return [...new Set(keys.map(hostOf))].sort();
}

/** The value of `X-Registry-Auth`. Without credentials it is still a header: the engine wants one for a push. */
export function registryAuth(credentials: Credentials | undefined): string {
  return urlSafeBase64(wireForm(credentials));
}

/** The value of `X-Registry-Config`, for a build: credentials by server address. */
export function registryConfig(all: readonly Credentials[]): string {
  return urlSafeBase64(Object.fromEntries(all.map((one) => [one.serverAddress, wireForm(one)])));
}

function wireForm(credentials: Credentials | undefined): object {
  if (!credentials) return {};
  const { username, password, identityToken, registryToken, serverAddress: address } = credentials;
  // What is undefined is not in the JSON.
  return {
    username,
    password,
    identitytoken: identityToken,
    registrytoken: registryToken,
    serveraddress: address,
  };
}

function fromOptions(address: string, sources: CredentialSources): Credentials | undefined {
  const given = givenLogin(sources);
  return given && { ...given, serverAddress: address, origin: "options" };
}

/**
 * The login that options give.
 * @returns undefined where they give none
 * @throws DockerError `credentials/incomplete` for half of one
 */
export function givenLogin({
  username,
  password,
}: Pick<CredentialSources, "username" | "password">): { username: string; password: string } | undefined {
  if (username !== undefined && password !== undefined) return { username, password };
  if (username === undefined && password === undefined) return undefined;
  const [there, missing] = username === undefined ? ["password", "username"] : ["username", "password"];
  throw new DockerError({
    code: "credentials/incomplete",
    message: `there is a ${there} but no ${missing}`,
    help: [`set ${missing} as well; or leave ${there} away, and the logins of the docker CLI are used`],
    option: there,
  });
}

function environmentConfig(sources: CredentialSources): DockerConfig | undefined {
  const text = sources.env["DOCKER_AUTH_CONFIG"];
  if (!text) return undefined;
  const config = jsonObject(text);
  if (config) return config;
  throw new DockerError({
    code: "credentials/bad-config",
    message: "DOCKER_AUTH_CONFIG is not a JSON object",
  });
}

async function fromHelpers(
  host: string,
  config: DockerConfig,
  sources: CredentialSources,
): Promise<Credentials | undefined> {
  const address = serverAddress(host);
  const own = under(config.credHelpers, host);
  const at: HelperAt = { env: sources.env, ...(sources.signal ? { signal: sources.signal } : {}) };
  const found = own ? await askHelper(own, address, at) : undefined;
  // A helper that is named for a host speaks for it alone, and an empty name is for the file; the store is asked for the others.
  if (own !== undefined || !config.credsStore) return found;
  return await askHelper(config.credsStore, address, at);
}

/** A provider's token is new where a stored one may have ended; without the provider's means, the stored one is tried. */
async function fromProvider(
  host: string,
  sources: CredentialSources,
  stored: Credentials | undefined,
): Promise<Credentials | undefined> {
  const provider = sources.provider ?? ((host, signal) => fromEcr(host, sources, signal));
  try {
    const token = await provider(host, sources.signal);
    return token && { ...token, serverAddress: serverAddress(host), origin: "provider" };
  } catch (error) {
    if (stored && error instanceof DockerError) return stored;
    throw error;
  }
}

const fromEcr = async (host: string, { env }: CredentialSources, signal: AbortSignal | undefined) => {
  const { ecrLogin } = await import("./ecr/login.js");
  return await ecrLogin(host, { env, ...(signal && { signal }) });
};

function fromEntry(entry: AuthEntry | undefined, address: string, origin: string): Credentials | undefined {
  const read = entry ? authEntry(entry, origin) : undefined;
  return read && { ...read, serverAddress: address, origin };
}

/** What settings have for a registry: under its own key, or else under another spelling of it. */
function under<T>(settings: Readonly<Record<string, T>> | undefined, host: string): T | undefined {
  const address = serverAddress(host);
  const all = Object.entries(settings ?? {});
  return settings?.[address] ?? all.find(([key]) => serverAddress(hostOf(key)) === address)?.[1];
}

/** `https://host:5000/v1/` -> `host:5000` */
function hostOf(key: string): string {
  return key.replace(/^[a-z]+:\/\//, "").split("/")[0] ?? key;
}
