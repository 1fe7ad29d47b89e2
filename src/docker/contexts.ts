import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DockerError, systemCode } from "./errors.js";
import { readPems, type TlsMaterial } from "./tls.js";

/** The engine's side of a docker context. */
export interface DockerContext {
  readonly host: string;
  /** Only where the context holds TLS material or asks not to check the engine's certificate. */
  readonly tls?: TlsMaterial;
}

interface Meta {
  readonly Name?: string;
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

/**
 * Reads a docker context from the CLI's store.
 * @param folder the CLI's settings folder; contexts are in `contexts/meta/<sha256 of the name>/meta.json`
 * @param origin who named the context, for the message
 * @throws DockerError `engine/no-context`
 */
export async function readContext(folder: string, name: string, origin: string): Promise<DockerContext> {
  const id = createHash("sha256").update(name).digest("hex");
  const meta = await readMeta(join(folder, "contexts", "meta", id, "meta.json"));
  const docker = meta?.Endpoints?.docker;
  if (!docker?.Host) throw await noContext(folder, name, origin);
  const tls = await contextTls(join(folder, "contexts", "tls", id, "docker"), docker.SkipTLSVerify === true);
  return tls ? { host: docker.Host, tls } : { host: docker.Host };
}

async function contextTls(folder: string, skipVerify: boolean): Promise<TlsMaterial | undefined> {
  const pems = await readPems(folder);
  const bare = Object.keys(pems).length === 0 && !skipVerify;
  return bare ? undefined : { verify: !skipVerify, ...pems };
}

async function readMeta(path: string): Promise<Meta | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw new DockerError({ code: "engine/no-context", message: `cannot read ${path}` }, { cause: error });
  }
  try {
    return JSON.parse(text) as Meta;
  } catch (error) {
    throw new DockerError({ code: "engine/no-context", message: `${path} is not JSON` }, { cause: error });
  }
}

async function noContext(folder: string, name: string, origin: string): Promise<DockerError> {
  const names = await contextNames(folder);
  return new DockerError({
    code: "engine/no-context",
    message: `there is no docker context "${name}"`,
    notes: [`asked for by ${origin}`, `looked in ${join(folder, "contexts")}`],
    help:
      names.length > 0 ? [`contexts there: ${names.join(", ")}`] : ["make it with: docker context create"],
    ...(origin === `context ${name}` ? { option: "context" } : {}),
  });
}

async function contextNames(folder: string): Promise<string[]> {
  const root = join(folder, "contexts", "meta");
  const ids = await readdir(root).catch(() => []);
  const metas = await Promise.all(
    ids.map((id) => readMeta(join(root, id, "meta.json")).catch(() => undefined)),
  );
  return metas.flatMap((meta) => (meta?.Name ? [meta.Name] : [])).sort();
}
