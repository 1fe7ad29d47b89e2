/**
 * What a registry holds, asked without an engine: for engines whose API has no /distribution (podman's).
 * https://github.com/opencontainers/distribution-spec, https://distribution.github.io/distribution/spec/auth/token/
 */
import { createHash } from "node:crypto";
import type { Dispatcher } from "undici";
import type { Credentials } from "./auth-types.js";
import type { Engine } from "./engine.js";
import { DockerError, reasonOf } from "./errors.js";
import { jsonObject } from "./json-object.js";
import { parseReference, withDefaultTag, type Reference } from "./reference.js";
import { deniedProblem, failedProblem } from "./registry-error.js";

/** Kinds of manifests. One that is not named would be turned into an older one, with another digest. */
const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** In milliseconds: a registry that is not reached from here must not hold up a run. */
const PATIENCE = 20_000;
/** In bytes: registries need not take longer manifests (distribution-spec, "Pushing Manifests"). */
const LONGEST = 4 * 1024 * 1024;

/** What a registry holds under a reference. */
export interface RemoteDescriptor {
  readonly digest: string;
  readonly mediaType: string;
  /** The digest of the image's configuration, by which podman knows it. Absent for an image of several platforms, and where
   *  an engine was asked. */
  readonly configDigest?: string;
}

export interface RegistryQuestion {
  /** With a tag or a digest; `latest` otherwise. */
  readonly reference: string;
  readonly credentials?: Credentials | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly text: string;
}

/** The question with what it is sent by. */
interface Asking extends RegistryQuestion {
  readonly parsed: Reference;
  readonly dispatcher: Dispatcher;
  /** What `Authorization` says. */
  readonly authorization?: string | undefined;
}

/**
 * What the manifest under a reference says of the image.
 * @returns undefined where the registry has none
 * @throws DockerError `registry/denied`, `registry/failed`
 */
export async function askRegistry(
  engine: Pick<Engine, "env" | "info">,
  question: RegistryQuestion,
): Promise<RemoteDescriptor | undefined> {
  const parsed = withDefaultTag(parseReference(question.reference));
  const { domain, path, tag, digest } = parsed;
  const { insecureRegistries } = await engine.info();
  const insecure = insecureRegistries.some((prefix) => covers(prefix, `${domain}/${path}`));
  const dispatcher = await dispatcherFor(engine.env, insecure);
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  const below = `${host}/v2/${path}/manifests/${digest ?? tag}`;
  try {
    const answer = await askBoth({ ...question, parsed, dispatcher }, below, insecure);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw failed(question, answer);
    return described(question, answer);
  } finally {
    await dispatcher.destroy();
  }
}

interface Manifest {
  readonly config?: { readonly digest?: string };
}

function described({ reference }: RegistryQuestion, { header, text }: Answer): RemoteDescriptor {
  const manifest: Manifest | undefined = jsonObject(text);
  if (!manifest) throw new DockerError(failedProblem(reference, "the registry's answer is no manifest"));
  const { config } = manifest;
  return {
    digest: header("docker-content-digest") ?? `sha256:${createHash("sha256").update(text).digest("hex")}`,
    mediaType: header("content-type") ?? "",
    ...(config?.digest ? { configDigest: config.digest } : {}),
  };
}

/** Whether a setting of the engine (`host`, `host:port`, `host/path`, `*.domain`) is about a repository. */
function covers(prefix: string, repository: string): boolean {
  if (prefix.startsWith("*.")) return (repository.split(/[:/]/)[0] ?? "").endsWith(prefix.slice(1));
  return repository.startsWith(prefix) && /^(?:$|[:/])/.test(repository.slice(prefix.length));
}

/** Proxies count, as they do for every download; an insecure registry's certificate is not checked. */
async function dispatcherFor(env: Engine["env"], insecure: boolean): Promise<Dispatcher> {
  const { EnvHttpProxyAgent, interceptors } = await import("undici");
  const setting = (name: string): string | undefined => env[name] ?? env[name.toUpperCase()];
  const proxy = (name: string): string => withScheme(setting(name) ?? setting("all_proxy") ?? "");
  const tls = { rejectUnauthorized: !insecure };
  const agent = new EnvHttpProxyAgent({
    httpProxy: proxy("http_proxy"),
    httpsProxy: proxy("https_proxy"),
    noProxy: setting("no_proxy") ?? "",
    headersTimeout: PATIENCE,
    bodyTimeout: PATIENCE,
    maxResponseSize: LONGEST,
    connect: { ...tls, timeout: PATIENCE },
    requestTls: tls,
  });
  // What a registry keeps elsewhere; the authorization stays with it.
  return agent.compose(interceptors.redirect({ maxRedirections: 5 }));
}

/** undici refuses a proxy without a scheme, which every other program takes for http. */
function withScheme(proxy: string): string {
  return proxy === "" || /^[a-z][\w+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/** By HTTPS; an insecure registry also by plain HTTP, where it does not speak TLS. */
async function askBoth(asking: Asking, below: string, insecure: boolean): Promise<Answer> {
  try {
    return await ask(asking, `https://${below}`).catch(async (error: unknown) => {
      if (!insecure) throw error;
      return await ask(asking, `http://${below}`);
    });
  } catch (error) {
    asking.signal?.throwIfAborted();
    const message = `the registry ${asking.parsed.domain} cannot be reached: ${reasonOf(error)}`;
    throw new DockerError({ code: "registry/failed", message }, { cause: error });
  }
}

/** Asks as anybody, and again with what the registry wants to see. */
async function ask(asking: Asking, url: string): Promise<Answer> {
  const first = await get(asking, url);
  if (first.status !== 401) return first;
  const authorization = await authorize(asking, first.header("www-authenticate") ?? "");
  return authorization ? await get({ ...asking, authorization }, url) : first;
}

async function get({ dispatcher, signal, authorization }: Asking, url: string): Promise<Answer> {
  const { request } = await import("undici");
  const answer = await request(url, {
    dispatcher,
    headers: { accept: ACCEPT, ...(authorization ? { authorization } : {}) },
    ...(signal ? { signal } : {}),
  });
  const header = (name: string): string | undefined => [answer.headers[name]].flat()[0];
  return { status: answer.statusCode, header, text: await answer.body.text() };
}

/** What answers a challenge: name and password, or a token for them from where the challenge says. */
async function authorize(asking: Asking, challenge: string): Promise<string | undefined> {
  const { credentials } = asking;
  const basic = basicOf(credentials);
  if (/^basic\b/i.test(challenge)) return basic;
  if (!/^bearer\b/i.test(challenge)) return undefined;
  if (credentials?.registryToken) return `Bearer ${credentials.registryToken}`;
  const { realm, service } = parametersOf(challenge);
  if (!realm || !URL.canParse(realm)) return undefined;
  const scope = `repository:${asking.parsed.path}:pull`;
  const wanted = { ...(service ? { service } : {}), scope };
  const token = await tokenFrom(asking, realm, { wanted, basic });
  return token && `Bearer ${token}`;
}

function basicOf(credentials: Credentials | undefined): string | undefined {
  if (credentials?.username === undefined || credentials.password === undefined) return undefined;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** `Bearer realm="https://…",service="…"`. */
function parametersOf(challenge: string): Partial<Record<string, string>> {
  const pairs = [...challenge.matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}

interface TokenAnswer {
  readonly token?: unknown;
  readonly access_token?: unknown;
}

interface TokenRequest {
  readonly wanted: Readonly<Record<string, string>>;
  readonly basic: string | undefined;
}

async function tokenFrom(
  { dispatcher, signal, credentials }: Asking,
  realm: string,
  { wanted, basic }: TokenRequest,
): Promise<string | undefined> {
  const { request } = await import("undici");
  const how = { dispatcher, ...(signal ? { signal } : {}) };
  const refresh = credentials?.identityToken;
  const url = new URL(realm);
  if (!refresh) for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value);
  const form = { grant_type: "refresh_token", client_id: "tsbuildout", refresh_token: refresh ?? "" };
  const answer = refresh
    ? await request(url, {
        ...how,
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ ...wanted, ...form }).toString(),
      })
    : await request(url, { ...how, headers: basic ? { authorization: basic } : {} });
  const answered: TokenAnswer | undefined = jsonObject(await answer.body.text());
  const token = answered?.token ?? answered?.access_token;
  return typeof token === "string" ? token : undefined;
}

function failed({ reference, credentials }: RegistryQuestion, { status }: Answer): DockerError {
  const said = `the registry answered with HTTP status ${status}`;
  if (status === 401 || status === 403) return new DockerError(deniedProblem(reference, said, credentials));
  return new DockerError(failedProblem(reference, said));
}
