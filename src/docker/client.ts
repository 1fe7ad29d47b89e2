import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Readable, type Duplex } from "node:stream";
import type { Endpoint } from "./address.js";
import { jsonObject } from "./json-object.js";
import { askPlainly, wholeText, type PlainAnswer } from "./plain-request.js";
import { readText, refusal, type EngineRequest, type Route } from "./request.js";
import { cutOff } from "./stream.js";
import { unreachable } from "./unreachable.js";

interface WholeAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Content types of what containers say: Docker's since API 1.42, and what Go takes it for before. */
const LOG = /-stream\b|^text\/plain\b/;

/** What is asked of one engine, by the shortest way that there is. */
export class EngineClient {
  readonly #endpoint: Endpoint;
  readonly #env: Readonly<Record<string, string | undefined>>;
  #route: Route;
  /** Whether an engine on this machine is to be asked by HTTP/1.0. */
  #plainWorks = true;
  /** Connections that are not the agent's. */
  readonly #plain = new Set<Readable>();
  #http: Promise<NodeClient> | undefined;

  constructor(endpoint: Endpoint, env: Readonly<Record<string, string | undefined>>) {
    this.#endpoint = endpoint;
    this.#env = env;
    this.#route = { prefix: endpoint.prefix, unreachable: (error) => unreachable(endpoint, error) };
  }

  /** What it says to `/_ping`, to its end, so that a connection that is kept is there for the next request. */
  async ping(signal: AbortSignal): Promise<WholeAnswer> {
    return await this.#whole({ path: "/_ping", signal });
  }

  /** @param version that is spoken from now on */
  speak(version: string): void {
    this.#route = { ...this.#route, prefix: `${this.#endpoint.prefix}/v${version}` };
  }

  /**
   * The JSON answer; undefined where the answer is empty; a log as text. Everything is read before this resolves.
   * @throws DockerError `engine/cut-off` where it is not whole, or is no answer to a question
   */
  async json(request: EngineRequest): Promise<unknown> {
    const { headers, text } = await this.#whole(request);
    if (LOG.test(headers["content-type"] ?? "")) return text;
    const value = decoded(request, text.trim());
    const { tells } = request;
    const said = tells === undefined || (value as Record<string, unknown> | undefined)?.[tells];
    if (said !== undefined && said !== null) return value;
    throw cutOff(`an answer without ${tells}: ${text.trim().slice(0, 200)}`);
  }

  /** A body that itself tells its end; from an engine on this machine it comes without HTTP's chunks. */
  async selfEnding(request: EngineRequest): Promise<Readable> {
    return (await this.#plainly(request))?.body ?? (await this.stream(request));
  }

  /** The answer as a stream, once its status says yes. The caller reads it to the end or destroys it. */
  async stream(request: EngineRequest): Promise<IncomingMessage> {
    const { body } = request;
    const stream = body instanceof Readable ? body : undefined;
    // What happens to the body until it is sent is told by then.
    stream?.on("error", () => undefined);
    try {
      const { agent, requestStream } = await this.#client();
      return await requestStream({ ...this.#route, agent }, request);
    } catch (error) {
      // Also where it was never begun: it may hold a file or a program.
      stream?.destroy();
      throw error;
    }
  }

  /** The raw connection after `101 Switching Protocols`: what is written goes to the process there, `end()` half-closes. */
  async hijack(request: EngineRequest): Promise<Duplex> {
    const { agent, requestHijack } = await this.#client();
    return await requestHijack({ ...this.#route, agent }, request);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    for (const connection of this.#plain) connection.destroy();
    (await this.#http)?.agent.destroy();
  }

  async #whole(request: EngineRequest): Promise<WholeAnswer> {
    const plain = await this.#plainly(request);
    if (plain) return { headers: plain.headers, text: await wholeText(plain) };
    const answer = await this.stream(request);
    return { headers: answer.headers, text: await readText(answer) };
  }

  /** @returns undefined for what takes Node's HTTP client */
  async #plainly(request: EngineRequest): Promise<PlainAnswer | undefined> {
    const { address } = this.#endpoint;
    if (address.kind !== "unix" || !this.#plainWorks || request.body || request.method === "HEAD")
      return undefined;
    const answer = await askPlainly(this.#route, { socket: address.path, open: this.#plain }, request);
    // `/_ping` is the first to find that out: nothing that changes anything is asked twice.
    if (!answer) this.#plainWorks = false;
    if (!answer || (answer.status >= 200 && answer.status < 300)) return answer;
    throw refusal(request, answer.status, await wholeText(answer).catch(() => ""));
  }

  /** Loaded by the first request that needs it. */
  async #client(): Promise<NodeClient> {
    this.#http ??= nodeClient(this.#endpoint, this.#env);
    return await this.#http;
  }
}

async function nodeClient({ address }: Endpoint, env: Readonly<Record<string, string | undefined>>) {
  const { EngineAgent, requestHijack, requestStream } = await import("./http-request.js");
  return { agent: new EngineAgent(address, env), requestHijack, requestStream };
}

type NodeClient = Awaited<ReturnType<typeof nodeClient>>;

/** @throws DockerError `engine/cut-off` */
function decoded(request: EngineRequest, said: string): unknown {
  if (said === "") return undefined;
  const value = jsonObject(said);
  // `null` is a list of nothing.
  if (value || said === "null") return value;
  // HTTP/1.0 ends an answer as it ends where the engine does: by closing the connection.
  if (/^[[{]/.test(said)) throw cutOff("its JSON has no end");
  // Podman says OK where something was done.
  if ((request.method ?? "GET") === "GET")
    throw cutOff(`neither an object nor a list: ${said.slice(0, 200)}`);
  return undefined;
}
