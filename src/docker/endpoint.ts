import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseUrl, type Endpoint, type ParsedUrl } from "./address.js";
import { noContext, readContext } from "./contexts.js";
import { DockerError, type Problem } from "./errors.js";
import { jsonObject } from "./json-object.js";
import { noMachine, readMachine } from "./machine.js";
import { readTls, type TlsMaterial } from "./tls.js";

/** Which engine a part asks for: its options `engine-url`, `engine-tls-verify`, `engine-tls-cert-path`, `context`, `machine-name`. */
export interface EngineChoice {
  readonly url?: string;
  readonly tlsVerify?: boolean;
  readonly tlsCertPath?: string;
  readonly context?: string;
  readonly machineName?: string;
}

/** What the choice may depend on, handed in because only the command line reads the process's environment. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder. */
  readonly home: string;
  readonly signal?: AbortSignal;
  /** Is told of an engine that takes its time. */
  readonly warn?: (problem: Problem) => void;
}

/**
 * Decides which engine is meant, in the docker CLI's order: options, DOCKER_HOST, DOCKER_CONTEXT (and DOCKER_MACHINE_NAME,
 * which it does not know), the current context of config.json, the default socket
 * (https://docs.docker.com/engine/manage-resources/contexts/).
 */
export async function resolveEndpoint(choice: EngineChoice, at: Surroundings): Promise<Endpoint> {
  checkChoice(choice);
  const { env } = at;
  if (choice.url) return await fromUrl(choice.url, "option engine-url", { choice, at });
  if (choice.context) return await fromContext(choice.context, `context ${choice.context}`, { choice, at });
  if (choice.machineName) return await fromMachine(choice.machineName, { choice, at });
  if (env["DOCKER_HOST"]) return await fromUrl(env["DOCKER_HOST"], "DOCKER_HOST", { choice, at });
  const named = env["DOCKER_CONTEXT"];
  if (named) return await fromContext(named, `context ${named} (DOCKER_CONTEXT)`, { choice, at });
  // Of docker-machine, and what dockeroo went by; docker-machine's own shells have DOCKER_HOST as well.
  const machine = env["DOCKER_MACHINE_NAME"];
  if (machine) return await fromMachine(machine, { choice, at }, "DOCKER_MACHINE_NAME");
  const current = currentContext(at);
  if (current)
    return await fromContext(current, `context ${current} (currentContext of config.json)`, { choice, at });
  return defaultSocket(at);
}

interface Asked {
  readonly choice: EngineChoice;
  readonly at: Surroundings;
}

/** Where the docker CLI keeps its settings, contexts and certificates. */
export function configFolder(at: Surroundings): string {
  return at.env["DOCKER_CONFIG"] || join(at.home, ".docker");
}

/** What is wrong with a choice whatever the surroundings. @throws DockerError `engine/ambiguous`, `engine/bad-url` */
export function checkChoice(choice: EngineChoice): void {
  refuseTwoChoices(choice);
  if (choice.url) parseUrl(choice.url, "option engine-url");
}

function refuseTwoChoices(choice: EngineChoice): void {
  const given = [
    ...(choice.url ? ["engine-url"] : []),
    ...(choice.context ? ["context"] : []),
    ...(choice.machineName ? ["machine-name"] : []),
  ];
  if (given.length < 2) return;
  throw new DockerError({
    code: "engine/ambiguous",
    message: `${given.join(" and ")} both say which engine is meant`,
    help: ["give one of them"],
    option: given[1] ?? "engine-url",
  });
}

async function fromUrl(text: string, origin: string, asked: Asked): Promise<Endpoint> {
  const parsed = parseUrl(text, origin);
  if (parsed.address.kind !== "tcp") return { ...parsed, origin };
  const tls = await askedTls(asked, parsed.secure);
  return { ...parsed, origin, address: tls ? { ...parsed.address, tls } : parsed.address };
}

async function askedTls(asked: Asked, secure: boolean): Promise<TlsMaterial | undefined> {
  const { choice, at } = asked;
  const verifyEnv = at.env["DOCKER_TLS_VERIFY"];
  const wanted =
    secure || choice.tlsVerify !== undefined || choice.tlsCertPath || verifyEnv || at.env["DOCKER_TLS"];
  if (!wanted) return undefined;
  const onlyTls = Boolean(at.env["DOCKER_TLS"]) && !verifyEnv;
  const verify = choice.tlsVerify ?? !onlyTls;
  const folder = choice.tlsCertPath ?? at.env["DOCKER_CERT_PATH"];
  const named = choice.tlsCertPath ? "engine-tls-cert-path" : folder ? "DOCKER_CERT_PATH" : undefined;
  return await readTls(folder ?? configFolder(at), verify, named);
}

async function fromContext(name: string, origin: string, asked: Asked): Promise<Endpoint> {
  if (name === "default") {
    const host = asked.at.env["DOCKER_HOST"];
    return host ? await fromUrl(host, `DOCKER_HOST (${origin})`, asked) : defaultSocket(asked.at);
  }
  const folder = configFolder(asked.at);
  const context = await readContext(folder, name, origin);
  if (!context) throw await noContext(folder, name, origin);
  return await holding({ ...parseUrl(context.host, origin), origin }, context.tls, asked.choice);
}

/** An endpoint whose record holds TLS material of its own. What the part's options say of TLS goes before that. */
async function holding(
  at: Endpoint & Pick<ParsedUrl, "secure">,
  held: TlsMaterial | undefined,
  { tlsVerify, tlsCertPath }: EngineChoice,
): Promise<Endpoint> {
  if (at.address.kind !== "tcp") return at;
  if (!held && !at.secure && tlsVerify === undefined && !tlsCertPath) return at;
  const verify = tlsVerify ?? held?.verify ?? true;
  const pems = tlsCertPath ? await readTls(tlsCertPath, verify, "engine-tls-cert-path") : held;
  return { ...at, address: { ...at.address, tls: { ...pems, verify } } };
}

/** @param by the variable of the environment that names it, where no option does */
async function fromMachine(name: string, asked: Asked, by?: string): Promise<Endpoint> {
  const { at, choice } = asked;
  const said = (...how: string[]): string =>
    `machine-name ${name}${how.length > 0 ? ` (${how.join(", ")})` : ""}`;
  const variable = by === undefined ? [] : [by];
  const origin = said(...variable);
  const asContext = said(...variable, "a context");
  const context = await readContext(configFolder(at), name, origin);
  if (context) {
    const parsed = parseUrl(context.host, origin);
    return await holding({ ...parsed, origin: asContext }, context.tls, choice);
  }
  const store = at.env["MACHINE_STORAGE_PATH"] || join(at.home, ".docker", "machine");
  const machine = await readMachine(store, name);
  if (machine) return await holding({ ...parseUrl(machine.url, origin), origin }, machine.tls, choice);
  // Docker-machine calls so the first one that it makes, docker what is meant where nothing is said.
  if (name === "default") return await fromContext(name, asContext, asked);
  throw noMachine(store, name, by);
}

function currentContext(at: Surroundings): string | undefined {
  try {
    const text = readFileSync(join(configFolder(at), "config.json"), "utf8");
    const config: { readonly currentContext?: unknown } | undefined = jsonObject(text);
    return typeof config?.currentContext === "string" ? config.currentContext : undefined;
  } catch {
    // No settings, or settings that only the credentials need: they complain there.
    return undefined;
  }
}

/** The first that this user may use: the system's socket, the rootless engine's, Docker Desktop's, podman's. */
function defaultSocket(at: Surroundings): Endpoint {
  const runtime = at.env["XDG_RUNTIME_DIR"];
  const candidates = [
    { path: "/var/run/docker.sock", origin: "default socket" },
    ...(runtime ? [{ path: join(runtime, "docker.sock"), origin: "rootless socket" }] : []),
    { path: join(at.home, ".docker", "run", "docker.sock"), origin: "Docker Desktop's socket" },
    ...(runtime
      ? [{ path: join(runtime, "podman", "podman.sock"), origin: "rootless podman's socket" }]
      : []),
    { path: "/run/podman/podman.sock", origin: "podman's socket" },
  ];
  for (const { path, origin } of candidates) {
    if (mayUse(path)) return { address: { kind: "unix", path }, prefix: "", url: `unix://${path}`, origin };
  }
  const path = "/var/run/docker.sock";
  return { address: { kind: "unix", path }, prefix: "", url: `unix://${path}`, origin: "default socket" };
}

function mayUse(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
