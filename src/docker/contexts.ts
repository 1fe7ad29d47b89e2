import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { blame } from "./address.js";
import { DockerError, reasonOf, systemCode } from "./errors.js";
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
 * @returns undefined where there is none
 * @throws DockerError `engine/no-context` for one that is damaged
 */
export async function readContext(
  folder: string,
  name: string,
  origin: string,
): Promise<DockerContext | undefined> {
  const id = createHash("sha256").update(name).digest("hex");
  const path = join(folder, "contexts", "meta", id, "meta.json");
  const meta = await readMeta(path).catch((error: unknown) => {
    throw damaged(name, origin, { why: `cannot read ${path}: ${reasonOf(error)}`, error });
  });
  if (!meta) return undefined;
  const docker = meta.Endpoints?.docker;
  // What is in the file is what somebody has written there.
  if (typeof docker?.Host !== "string" || docker.Host === "")
    throw damaged(name, origin, { why: `${path} has no address of an engine` });
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
    throw error;
  }
  return (JSON.parse(text) as Meta | null) ?? {};
}

interface Damage {
  readonly why: string;
  readonly error?: unknown;
}

function damaged(name: string, origin: string, { why, error }: Damage): DockerError {
  const problem = {
    code: "engine/no-context",
    message: `the docker context "${name}" is damaged`,
    notes: [`asked for by ${origin}`, why],
    help: [`make it anew: docker context rm -f ${name}, and docker context create ${name}`],
    ...blame(origin),
  };
  return new DockerError(problem, { cause: error });
}

/** What a context may be called; Compose and bake mean a folder by the word. */
const NAME = /^[a-zA-Z0-9][\w.+-]*$/;

/** The error for a context that is not there. @param origin who named it */
export async function noContext(folder: string, name: string, origin: string): Promise<DockerError> {
  const names = await contextNames(folder);
  const there =
    names.length > 0 ? [`contexts there: ${names.join(", ")}`] : ["make it with: docker context create"];
  return new DockerError({
    code: "engine/no-context",
    message: `there is no docker context "${name}"`,
    notes: [`asked for by ${origin}`, `looked in ${join(folder, "contexts")}`],
    help: NAME.test(name)
      ? there
      : [`it says where the engine is; the folder of a build is source = ${name}`],
    ...blame(origin),
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
