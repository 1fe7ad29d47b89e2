import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import type { Readable } from "node:stream";

/**
 * The engine under test, spoken to without a line of the code under test. A test that needs an engine and finds
 * none fails: skipping would hide that nothing was tested.
 */
export interface EngineRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Without version: `/containers/json?all=1`. */
  readonly path: string;
  /** An object goes as JSON, anything else as a tar archive. */
  readonly body?: Readable | Buffer | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Another engine than the one under test. */
  readonly host?: string;
}

export interface EngineAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A name that no other test and no other run of this test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid.toString(36)}${randomBytes(4).toString("hex")}`;
}

/** The endpoint to test against, from DOCKER_HOST (`npm test` sets it). */
export function engineHost(): string {
  const host = process.env["DOCKER_HOST"];
  if (!host)
    throw new Error('no engine to test against: run npm test, or eval "$(scripts/engine env)" before mocha');
  return host;
}

/** One request; any status is an answer. */
export function engineRequest(request: EngineRequest): Promise<EngineAnswer> {
  const { body } = request;
  const stream = body !== undefined && (Buffer.isBuffer(body) || "pipe" in body);
  const type = stream ? "application/x-tar" : "application/json";
  const options: http.RequestOptions = {
    ...address(request.host ?? engineHost()),
    method: request.method ?? "GET",
    path: request.path,
    agent: false,
    headers: {
      // Behind a body of some length node ends with a write of nothing, which fails where the engine has answered and
      // hung up by then: it is asked not to hang up.
      connection: "keep-alive",
      ...(body === undefined ? {} : { "content-type": type }),
      ...request.headers,
    },
  };
  return new Promise((resolve, reject) => {
    const sent = (process.env["DOCKER_TLS_VERIFY"] ? https : http).request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    sent.on("error", reject);
    if (body !== undefined && "pipe" in body) body.on("error", reject).pipe(sent);
    else sent.end(body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  });
}

/** A request that must succeed; its JSON, undefined where there is no body. */
export async function engineJson<T>(request: EngineRequest): Promise<T> {
  const { status, body } = await engineRequest(request);
  if (status < 200 || status > 299)
    throw new Error(`${request.method ?? "GET"} ${request.path}: ${status} ${body.toString().trim()}`);
  // Where Docker's answer is empty, podman's may be a line feed or "OK".
  const text = body.toString().trim();
  return (/^$|^OK$/.test(text) ? undefined : JSON.parse(text)) as T;
}

/** Whether the engine has an object: `/containers/NAME/json`, `/volumes/NAME`, `/networks/NAME`, `/images/NAME/json`. */
export async function engineHas(path: string): Promise<boolean> {
  const { status, body } = await engineRequest({ path });
  if (status === 200) return true;
  if (status === 404) return false;
  throw new Error(`GET ${path}: ${status} ${body.toString().trim()}`);
}

interface EngineVersion {
  readonly ApiVersion: string;
  readonly Components: readonly { readonly Name: string }[];
}

/** Whether the engine speaks only an older API than 1.`minor`: 1.42 came with engine 23. */
export async function apiBefore(minor: number): Promise<boolean> {
  const { ApiVersion } = await engineJson<EngineVersion>({ path: "/version" });
  return Number(ApiVersion.split(".")[1]) < minor;
}

export async function isPodman(): Promise<boolean> {
  const { Components } = await engineJson<EngineVersion>({ path: "/version" });
  return Components.some(({ Name }) => Name === "Podman Engine");
}

/** Removes an object, whatever its state; one that is not there is no error. */
export async function engineRemove(kind: "containers" | "networks" | "volumes" | "images", name: string) {
  const options = { containers: "?force=1&v=1", networks: "", volumes: "?force=1", images: "?force=1" };
  const path = `/${kind}/${name}${options[kind]}`;
  const { status, body } = await engineRequest({ method: "DELETE", path });
  // The engine itself is at it, because of auto-remove.
  const goes = status === 409 && body.includes("already in progress");
  if (goes) await engineRequest({ method: "POST", path: `/${kind}/${name}/wait?condition=removed` });
  else if (status >= 300 && status !== 404)
    throw new Error(`DELETE ${path}: ${status} ${body.toString().trim()}`);
}

/** Ends a container as somebody from outside would. An engine may answer before it knows of the end: that is waited for. */
export async function engineKill(name: string): Promise<void> {
  await engineJson({ method: "POST", path: `/containers/${name}/kill` });
  await engineJson({ method: "POST", path: `/containers/${name}/wait` });
}

/** The names of all objects with a label, each with its kind: `container web`, `network net`, … */
export async function engineObjects(label: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  const list = <T>(path: string): Promise<T> => engineJson<T>({ path: `${path}filters=${filters}` });
  const containers = await list<{ Names: string[] }[]>("/containers/json?all=1&");
  const networks = await list<{ Name: string }[]>("/networks?");
  const volumes = await list<{ Volumes: { Name: string }[] | null }>("/volumes?");
  const images = await list<Tagged[]>("/images/json?");
  return [
    ...containers.map((c) => `container ${c.Names[0]?.slice(1)}`),
    ...networks.map((n) => `network ${n.Name}`),
    ...(volumes.Volumes ?? []).map((v) => `volume ${v.Name}`),
    ...(await Promise.all(images.map(async (i) => `image ${await imageText(i)}`))),
  ].sort();
}

/** Its name; of one without any, where it comes from. */
async function imageText({ Id: id, RepoTags: tags }: Tagged): Promise<string> {
  const [name] = familiarTags(tags).filter((tag) => tag !== "<none>:<none>");
  if (name !== undefined) return name;
  const found = await engineRequest({ path: `/images/${id}/json` });
  return found.status === 200 ? `${id} ${found.body.toString()}` : id;
}

interface Tagged {
  readonly Id: string;
  readonly RepoTags: string[] | null;
}

/** An image's names as people write them: podman has them in full, those of what it builds and loads with `localhost/`. */
export function familiarTags(tags: readonly string[] | null | undefined): string[] {
  return (tags ?? []).map((tag) => tag.replace(/^(?:docker\.io\/(?:library\/)?|localhost\/)/, ""));
}

/** An image's id as Docker has it: podman leaves out the algorithm. */
export function wholeId(id: string): string {
  return id.replace(/^(sha256:)?/, "sha256:");
}

function address(host: string): https.RequestOptions {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  const url = new URL(host.replace(/^tcp:/, "http:"));
  const certs = process.env["DOCKER_TLS_VERIFY"] ? process.env["DOCKER_CERT_PATH"] : undefined;
  const tls = certs ? { ca: pem(certs, "ca"), cert: pem(certs, "cert"), key: pem(certs, "key") } : {};
  return { host: url.hostname, port: url.port || (certs ? 2376 : 2375), ...tls };
}

function pem(folder: string, name: string): Buffer {
  return readFileSync(join(folder, `${name}.pem`));
}
