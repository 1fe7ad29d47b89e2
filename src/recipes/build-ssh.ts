import { stat } from "node:fs/promises";
import { startAgent, type KeyAgent } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { secretPath } from "./build-secrets.js";

export interface Agents {
  /** Paths of agents' sockets, by id. */
  readonly sockets: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/**
 * The agents that `ssh` names: `default`, `ID`, `ID=SOCKET`, `ID=KEY-FILE[,KEY-FILE]`. Key files get an agent of their own
 * that ends with the build. @throws a problem `build/ssh`
 */
export async function sshAgents(context: Context, lines: readonly string[]): Promise<Agents> {
  const sockets = new Map<string, string>();
  const started: KeyAgent[] = [];
  const close = async (): Promise<void> => {
    for (const agent of started) await agent.close();
  };
  try {
    for (const agent of await checkSsh(context, lines)) {
      if ("socket" in agent) sockets.set(agent.id, agent.socket);
      else {
        const own = await startAgent(agent.keys, { env: context.env, signal: context.signal });
        started.push(own);
        sockets.set(agent.id, own.socket);
      }
    }
    return { sockets, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Agent =
  | { readonly id: string; readonly socket: string }
  | { readonly id: string; readonly keys: readonly string[] };

/** The lines with whole paths, for buildx, which does not know the user's home. @throws a problem `build/ssh` */
export async function sshLines(context: Context, lines: readonly string[]): Promise<string[]> {
  const agents = await checkSsh(context, lines);
  return agents.map((agent) => `${agent.id}=${"socket" in agent ? agent.socket : agent.keys.join(",")}`);
}

/** What the lines of `ssh` mean, as far as that is there. @throws a problem `build/ssh` */
async function checkSsh(context: Context, lines: readonly string[]): Promise<Agent[]> {
  return await Promise.all(lines.map(async (line) => await agentOf(context, line)));
}

async function agentOf(context: Context, line: string): Promise<Agent> {
  const at = line.indexOf("=");
  const id = at < 0 ? line : line.slice(0, at);
  const named = at < 0 ? [] : line.slice(at + 1).split(",");
  if (named.some((file) => file.trim() === "")) throw problem(`"${line}" lacks a socket or a key file`);
  const [first, ...others] = named.map((file) => secretPath(context, file.trim()));
  if (first === undefined) {
    const socket = context.env["SSH_AUTH_SOCK"];
    if (socket) return { id, socket };
    throw problem(`"${id}" is to be the running ssh agent, and SSH_AUTH_SOCK names none`);
  }
  const found = await stat(first).catch(() => undefined);
  if (!found) throw problem(`"${id}" is to be ${first}, which is not there`);
  return found.isSocket() ? { id, socket: first } : { id, keys: [first, ...others] };
}

function problem(message: string): RecipeError {
  return new RecipeError({ code: "build/ssh", message, option: "ssh" });
}
