import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DockerError, systemCode } from "./errors.js";
import type { TlsMaterial } from "./tls.js";

/** An engine that docker-machine (archived in 2025) once made. */
export interface Machine {
  readonly url: string;
  readonly tls: TlsMaterial;
}

interface MachineConfig {
  readonly Driver?: { readonly IPAddress?: string; readonly URL?: string };
  readonly HostOptions?: {
    readonly EngineOptions?: { readonly TlsVerify?: boolean };
    readonly AuthOptions?: {
      readonly CaCertPath?: string;
      readonly ClientCertPath?: string;
      readonly ClientKeyPath?: string;
      readonly StorePath?: string;
    };
  };
}

/**
 * Reads a machine from docker-machine's store (`machines/<name>/config.json`).
 * @throws DockerError `engine/no-machine`
 */
export async function readMachine(store: string, name: string): Promise<Machine> {
  const folder = join(store, "machines", name);
  const config = await readConfig(join(folder, "config.json"), name);
  const driver = config.Driver;
  const url = driver?.URL || (driver?.IPAddress ? `tcp://${driver.IPAddress}:2376` : undefined);
  if (!url) {
    throw new DockerError({
      code: "engine/no-machine",
      message: `docker-machine's record of "${name}" has no address`,
      notes: [`read ${join(folder, "config.json")}`],
      option: "machine-name",
    });
  }
  return { url, tls: await machineTls(folder, config) };
}

async function machineTls(folder: string, config: MachineConfig): Promise<TlsMaterial> {
  const auth = config.HostOptions?.AuthOptions;
  const read = async (named: string | undefined, fallback: string): Promise<Buffer | undefined> => {
    const paths = [join(folder, fallback), ...(named ? [named] : [])];
    for (const path of paths) {
      const found = await readFile(path).catch(() => undefined);
      if (found) return found;
    }
    return undefined;
  };
  const ca = await read(auth?.CaCertPath, "ca.pem");
  const cert = await read(auth?.ClientCertPath, "cert.pem");
  const key = await read(auth?.ClientKeyPath, "key.pem");
  return { verify: true, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

async function readConfig(path: string, name: string): Promise<MachineConfig> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as MachineConfig;
  } catch (error) {
    const missing = systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR";
    throw new DockerError(
      {
        code: "engine/no-machine",
        message: missing
          ? `there is neither a docker context nor a docker-machine machine "${name}"`
          : `cannot read docker-machine's record of "${name}"`,
        notes: [missing ? `looked for ${path}` : `reading ${path} failed`],
        help: [`make a context of that name: docker context create ${name} --docker host=…`],
        option: "machine-name",
      },
      { cause: error },
    );
  }
}
