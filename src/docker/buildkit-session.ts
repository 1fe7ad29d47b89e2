/**
 * The client's half of a BuildKit session: the engine calls back, by gRPC over a connection that we opened, for secrets,
 * ssh agents and credentials. (buildkit: session/grpchijack, session/secrets, session/sshforward, session/auth.)
 */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { Engine } from "./engine.js";
import { DockerError } from "./errors.js";
import { sendFolder, type SharedFolder } from "./filesync.js";
import { grpcMessages, frame, GrpcStatus, NOT_FOUND, UNIMPLEMENTED } from "./grpc.js";
import { encodeField, textField } from "./protobuf.js";
import { forwardAgent } from "./ssh-forward.js";

/** What the engine may ask for. */
export interface SessionProviders {
  /** By id. @returns undefined where there is none of that id */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** The path of an agent's socket, by id. */
  agent(id: string): string | undefined;
  /** The login at a registry: `docker.io`, `localhost:5000`. Anybody's where undefined. */
  login(host: string): Promise<{ readonly username: string; readonly secret: string } | undefined>;
  /** The build context, where it is not sent as an archive. */
  readonly folder?: SharedFolder | undefined;
}

/** An open session; see openSession. */
export interface Session {
  /** For the build's `session` parameter. */
  readonly id: string;
  close(): void;
}

/** A call with one message each way. */
type Unary = (message: Uint8Array) => Promise<Uint8Array>;

/**
 * Opens a session, which lasts until it is closed or the engine ends it.
 * @throws DockerError `build/no-session` where the engine has no sessions (podman, the engines before 18.09)
 */
export async function openSession(
  engine: Engine,
  providers: SessionProviders,
  signal: AbortSignal,
): Promise<Session> {
  const id = randomUUID().replaceAll("-", "");
  const unary = unaryCalls(providers);
  const methods = [...Object.keys(unary), FORWARD, ...(providers.folder ? [DIFF_COPY] : [])];
  // It takes as long to load as everything else that a run without a build loads.
  const [connection, { performServerHandshake }] = await Promise.all([
    dial(engine, id, { methods, signal }),
    import("node:http2"),
  ]);
  connection.on("error", () => undefined);
  // Not by a server: that refuses a TLS connection on which HTTP/2 was not agreed upon before.
  const session = performServerHandshake(connection);
  session.on("error", () => connection.destroy());
  session.on(
    "stream",
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]) => {
      // A stream that the engine resets is its own business: the build says why.
      stream.on("error", () => undefined);
      serve(stream, headers, { unary, providers, raw }).catch((error: unknown) => fail(stream, error));
    },
  );
  return { id, close: () => void connection.destroy() };
}

interface Dial {
  readonly methods: readonly string[];
  readonly signal: AbortSignal;
}

async function dial(engine: Engine, id: string, { methods, signal }: Dial): Promise<Duplex> {
  try {
    return await engine.hijack({
      method: "POST",
      path: "/session",
      headers: {
        Upgrade: "h2c",
        "X-Docker-Expose-Session-Uuid": id,
        "X-Docker-Expose-Session-Name": "tsbuildout",
        // What a builder keeps of a folder it would take for unchanged by sizes and times alone: so it keeps nothing of ours.
        "X-Docker-Expose-Session-Sharedkey": id,
        "X-Docker-Expose-Session-Grpc-Method": methods,
      },
      signal,
    });
  } catch (error) {
    if (!(error instanceof DockerError) || error.statusCode === undefined) throw error;
    throw new DockerError(
      {
        code: "build/no-session",
        message: "this engine takes no secrets, ssh agents or credentials for a build over its API",
        notes: [`the engine says: ${error.message}`],
        help: ["install docker-buildx, or use Docker 18.09 or later"],
      },
      { cause: error },
    );
  }
}

const FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent";
const DIFF_COPY = "/moby.filesync.v1.FileSync/DiffCopy";
/** grpc.health.v1.HealthCheckResponse, SERVING: an engine that does not get it ends the session. */
const SERVING = encodeField(1, 1);

function unaryCalls(providers: SessionProviders): Readonly<Record<string, Unary>> {
  return {
    "/grpc.health.v1.Health/Check": async () => await Promise.resolve(SERVING),
    "/moby.buildkit.secrets.v1.Secrets/GetSecret": async (message) => {
      const id = textField(message, 1);
      const data = await providers.secret(id);
      if (!data) throw new GrpcStatus(NOT_FOUND, `there is no secret "${id}"`);
      return encodeField(1, data);
    },
    "/moby.sshforward.v1.SSH/CheckAgent": async (message) => {
      const id = textField(message, 1) || "default";
      if (!providers.agent(id)) throw new GrpcStatus(NOT_FOUND, `there is no ssh agent "${id}"`);
      return await Promise.resolve(new Uint8Array());
    },
    "/moby.filesync.v1.Auth/Credentials": async (message) => {
      const login = await providers.login(registryHost(textField(message, 1)));
      return login
        ? Buffer.concat([encodeField(1, login.username), encodeField(2, login.secret)])
        : new Uint8Array();
    },
  };
}

/** Docker Hub is asked for by the name of its server. */
function registryHost(host: string): string {
  return /^(registry-1|index)\.docker\.io$/.test(host) ? "docker.io" : host;
}

interface Serving {
  readonly unary: Readonly<Record<string, Unary>>;
  readonly providers: SessionProviders;
  /** Names and values in turns: a value may have a comma. */
  readonly raw: readonly string[];
}

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { unary, providers, raw }: Serving,
): Promise<void> {
  const method = headers[":path"] ?? "";
  if (method === FORWARD) return await forward(stream, headers, providers);
  if (method.toLowerCase() === DIFF_COPY.toLowerCase() && providers.folder) {
    begin(stream);
    const paths = raw.filter((_, at) => at % 2 === 1 && raw[at - 1] === "followpaths");
    await sendFolder(stream, { name: raw[raw.indexOf("dir-name") + 1] ?? "", paths }, providers.folder);
    return void stream.end();
  }
  const call = unary[method];
  if (!call) throw new GrpcStatus(UNIMPLEMENTED, `${method} is not offered`);
  let request: Uint8Array = new Uint8Array();
  for await (const message of grpcMessages(stream)) request = message;
  const answer = await call(request);
  begin(stream);
  stream.end(frame(answer));
}

async function forward(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  providers: SessionProviders,
): Promise<void> {
  const named = headers["buildkit.ssh.id"];
  const id = (Array.isArray(named) ? named[0] : named) || "default";
  const socket = providers.agent(id);
  if (!socket) throw new GrpcStatus(NOT_FOUND, `there is no ssh agent "${id}"`);
  begin(stream);
  await forwardAgent(stream, socket);
  stream.end();
}

/** The status of a gRPC call is in the trailers. */
function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
}

/** HTTP/2's error code (RFC 9113, section 7). */
const INTERNAL_ERROR = 2;

function fail(stream: ServerHttp2Stream, error: unknown): void {
  if (stream.destroyed) return;
  if (stream.headersSent) return stream.close(INTERNAL_ERROR);
  const status = error instanceof GrpcStatus ? error.status : 2;
  const message = error instanceof Error ? error.message : String(error);
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(status),
      "grpc-message": encodeURIComponent(message),
    },
    { endStream: true },
  );
}
