import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { relay } from "./relay.js";
import { AwsError, holderOf, type Store } from "./store.js";

/** The registry of one region as ECR shows it: basic authentication with tokens that were handed out, no
 *  repository made by a push, immutable tags. Bytes go to the real registry behind it. */
export interface ProxySettings {
  readonly store: Store;
  readonly region: string;
  /** The port of the registry behind. */
  readonly behind: number;
  /** Called before a request is answered, so that a test can act in the middle of a push. */
  onRequest(request: RegistryRequest): void | Promise<void>;
}

export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly region: string;
}

export function registryProxy(settings: ProxySettings): Server {
  return createServer((request, response) => {
    handle(settings, request, response).catch((error: unknown) => refuse(response, error));
  });
}

async function handle(settings: ProxySettings, request: IncomingMessage, response: ServerResponse) {
  const path = request.url ?? "/";
  await settings.onRequest({ method: request.method ?? "GET", path, region: settings.region });
  authenticate(settings.store, request);
  const match = /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.*)$/.exec(path);
  const [, name, kind, reference] = match ?? [];
  const onward = {
    port: settings.behind,
    path: name
      ? `/v2/${settings.region}${path.slice(3).replace(/&from=/, `&from=${settings.region}/`)}`
      : path,
    location: (location: string) => location.replace(`/v2/${settings.region}/`, "/v2/"),
  };
  if (!name || !kind || reference === undefined) return relay(request, response, onward);
  const repository = settings.store.find(settings.region, name);
  if (kind !== "manifests") return relay(request, response, onward);
  if (request.method === "PUT") {
    const body = await buffer(request);
    settings.store.check(repository, reference, body);
    const type = request.headers["content-type"] ?? "";
    const accepted = () => settings.store.put(repository, reference, body, type);
    return relay(request, response, { ...onward, body, accepted });
  }
  const image = holderOf(repository, reference);
  if (!image) throw new AwsError("MANIFEST_UNKNOWN", "Requested image not found", 404);
  relay(request, response, { ...onward, path: onward.path.replace(/[^/]+$/, image.digest) });
}

/** Throws what ECR answers to a missing, unknown or expired token. */
function authenticate(store: Store, request: IncomingMessage): void {
  const given = /^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  const [user, password] = given ? Buffer.from(given, "base64").toString().split(/:(.*)/s) : [];
  const end = user === "AWS" ? store.tokens.get(password ?? "") : undefined;
  if (end === undefined) throw new AwsError("UNAUTHORIZED", "Not Authorized", 401);
  if (end <= Date.now())
    throw new AwsError("DENIED", "Your authorization token has expired. Reauthenticate and try again.", 403);
}

function refuse(response: ServerResponse, error: unknown): void {
  const aws = error instanceof AwsError ? error : new AwsError("UNKNOWN", String(error), 500);
  const missing = aws.code === "RepositoryNotFoundException";
  response.writeHead(missing ? 404 : aws.status, {
    "content-type": "application/json; charset=utf-8",
    connection: "close",
    ...(aws.status === 401 && { "www-authenticate": 'Basic realm="ecr",service="ecr.amazonaws.com"' }),
  });
  const code = missing ? "NAME_UNKNOWN" : aws.code;
  response.end(JSON.stringify({ errors: [{ code, message: aws.message }] }));
}
