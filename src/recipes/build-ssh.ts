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
    for (const line of lines) {
      const at = line.indexOf("=");
      const id = at < 0 ? line : line.slice(0, at);
      const files =
        at < 0
          ? []
          : line
              .slice(at + 1)
              .split(",")
              .map((file) => secretPath(context, file.trim()));
      const socket = await socketOf(context, { id, files });
      if (typeof socket !== "string") started.push(socket);
      sockets.set(id, typeof socket === "string" ? socket : socket.socket);
    }
    return { sockets, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function socketOf(
  context: Context,
  { id, files }: { id: string; files: readonly string[] },
): Promise<string | KeyAgent> {
  const [first] = files;
  if (first === undefined) {
    const own = context.env["SSH_AUTH_SOCK"];
    if (own) return own;
    throw problem(`"${id}" is to be the running ssh agent, and SSH_AUTH_SOCK names none`);
  }
  const found = await stat(first).catch(() => undefined);
  if (!found) throw problem(`"${id}" is to be ${first}, which is not there`);
  if (found.isSocket()) return first;
  return await startAgent(files, { env: context.env, signal: context.signal });
}

function problem(message: string): RecipeError {
  return new RecipeError({ code: "build/ssh", message, option: "ssh" });
}
