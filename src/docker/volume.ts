import { abortable, type Call } from "./container.js";
import { isNotFound } from "./errors.js";
import { listAll } from "./listing.js";

/** An inspected volume (https://docs.docker.com/reference/api/engine/, Volume). */
export interface VolumeState {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Options?: Readonly<Record<string, string>> | null;
}

/** What a volume is created with (https://docs.docker.com/reference/api/engine/, VolumeCreate); what is left out is the engine's choice. */
export interface VolumeSettings {
  readonly name: string;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

const pathOf = (name: string): string => `/volumes/${encodeURIComponent(name)}`;

/** The volume of that name; undefined where there is none. */
export async function inspectVolume(call: Call, name: string): Promise<VolumeState | undefined> {
  try {
    return await call.engine.request<VolumeState>({ path: pathOf(name), tells: "Name", ...abortable(call) });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Creates a volume. Where one of that name is there already the engine answers with that one, unchanged. */
export async function createVolume(call: Call, settings: VolumeSettings): Promise<VolumeState> {
  return await call.engine.request<VolumeState>({
    method: "POST",
    path: "/volumes/create",
    json: {
      Name: settings.name,
      Driver: settings.driver,
      DriverOpts: settings.options,
      Labels: settings.labels,
    },
    tells: "Name",
    ...abortable(call),
  });
}

/** Removes a volume; one that is gone is no error. @throws DockerError 409: it is in use */
export async function removeVolume(call: Call, name: string): Promise<void> {
  try {
    await call.engine.request({ method: "DELETE", path: pathOf(name), ...abortable(call) });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** The names of the containers, running or not, that mount a volume. */
export async function volumeHolders(call: Call, name: string): Promise<string[]> {
  const how = { filters: { volume: [name] }, ...abortable(call) };
  const found = await listAll(call.engine, "containers", how);
  return found.map((one) => one.Names?.[0]?.replace(/^\//, "") ?? one.Id.slice(0, 12)).sort();
}
