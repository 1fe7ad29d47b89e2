import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DockerError, reasonOf, systemCode } from "./errors.js";
import { readIfThere, readPems, type TlsMaterial } from "./tls.js";

/** An engine that docker-machine (archived in 2025) once made. */
export interface Machine {
  readonly url: string;
  readonly tls: TlsMaterial;
}

interface MachineConfig {
  readonly Driver?: { readonly IPAddress?: string; readonly URL?: string };
  readonly HostOptions?: {
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
 * @returns undefined where there is none
 * @throws DockerError `engine/no-machine` for a record that is of no use
 */
export async function readMachine(store: string, name: string): Promise<Machine | undefined> {
  const folder = machineFolder(store, name);
  const config = await readConfig(join(folder, "config.json"), name);
  if (!config) return undefined;
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

/** What is beside its record, or else where that says. */
async function machineTls(folder: string, config: MachineConfig): Promise<TlsMaterial> {
  const { CaCertPath, ClientCertPath, ClientKeyPath } = config.HostOptions?.AuthOptions ?? {};
  const own = await readPems(folder);
  const ca = own.ca ?? (CaCertPath && (await readIfThere(CaCertPath)));
  const cert = own.cert ?? (ClientCertPath && (await readIfThere(ClientCertPath)));
  const key = own.key ?? (ClientKeyPath && (await readIfThere(ClientKeyPath)));
  return { verify: true, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

async function readConfig(path: string, name: string): Promise<MachineConfig | undefined> {
  try {
    return (JSON.parse(await readFile(path, "utf8")) as MachineConfig | null) ?? {};
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw new DockerError(
      {
        code: "engine/no-machine",
        message: `cannot read docker-machine's record of "${name}"`,
        notes: [`reading ${path} failed: ${reasonOf(error)}`],
        option: "machine-name",
      },
      { cause: error },
    );
  }
}

/** The error for a name that neither a machine nor a context has. */
export function noMachine(store: string, name: string, by?: string): DockerError {
  return new DockerError({
    code: "engine/no-machine",
    message: `there is neither a docker context nor a docker-machine machine "${name}"`,
    notes: [
      ...(by === undefined ? [] : [`${by} names it`]),
      `looked for ${join(machineFolder(store, name), "config.json")}`,
    ],
    help: [`make a context of that name: docker context create ${name} --docker host=…`],
    option: "machine-name",
  });
}

const machineFolder = (store: string, name: string): string => join(store, "machines", name);
