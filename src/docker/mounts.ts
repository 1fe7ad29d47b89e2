import { resolve } from "node:path";
import { bytesOf, flagOf, SpecError, splitFields } from "./spec.js";

/** Where relative host paths start. */
export interface PathBase {
  readonly directory: string;
  readonly home: string;
}

/** One line of `docker run --volume`. */
export type VolumeSpec =
  | {
      readonly kind: "bind" | "volume";
      readonly source: string;
      readonly target: string;
      readonly mode: string;
    }
  | { readonly kind: "anonymous"; readonly target: string };

/** A mount as the API takes it (https://docs.docker.com/reference/api/engine/, Mount). */
export interface MountSpec {
  readonly Type: string;
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: Readonly<Record<string, unknown>>;
  readonly VolumeOptions?: Readonly<Record<string, unknown>>;
  readonly TmpfsOptions?: Readonly<Record<string, unknown>>;
  readonly ImageOptions?: Readonly<Record<string, unknown>>;
}

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const MODES = new Set(
  "ro rw z Z cached delegated consistent private rprivate shared rshared slave rslave nocopy".split(" "),
);
const VOLUME_HELP = "write folder:/target[:mode], volume:/target[:mode], or /target for an anonymous volume";

/**
 * Reads a volume as `docker run --volume` does; a source that starts with `/`, `.` or `~` is a folder of the host.
 * @throws SpecError
 */
export function parseVolume(text: string, base: PathBase): VolumeSpec {
  const [first = "", second, mode = "", ...rest] = text.split(":");
  if (rest.length > 0 || first === "" || second === "")
    throw new SpecError(`"${text}" is not a volume`, [VOLUME_HELP]);
  if (second === undefined) return { kind: "anonymous", target: absolute(first, text) };
  const target = absolute(second, text);
  checkModes(mode, text);
  if (/^[/.~]/.test(first)) return { kind: "bind", source: hostPath(first, base), target, mode };
  if (!VOLUME_NAME.test(first))
    throw new SpecError(`"${first}" cannot be the name of a volume`, [
      `write ./${first} for a folder of that name`,
    ]);
  return { kind: "volume", source: first, target, mode };
}

function absolute(target: string, text: string): string {
  if (!target.startsWith("/"))
    throw new SpecError(`"${text}" mounts at "${target}", which is not absolute`, [VOLUME_HELP]);
  return target;
}

function checkModes(mode: string, text: string): void {
  if (mode === "") return;
  for (const word of mode.split(","))
    if (!MODES.has(word))
      throw new SpecError(`"${text}" has the mode "${word}", which there is not`, [
        `modes are ${[...MODES].join(", ")}`,
      ]);
}

function hostPath(path: string, { directory, home }: PathBase): string {
  return resolve(directory, path === "~" || path.startsWith("~/") ? home + path.slice(1) : path);
}

/** `source:target:mode`, as HostConfig.Binds takes it. */
export function bindText(spec: Exclude<VolumeSpec, { kind: "anonymous" }>): string {
  return `${spec.source}:${spec.target}${spec.mode === "" ? "" : `:${spec.mode}`}`;
}

type Fields = ReadonlyMap<string, string | undefined>;
type Setter = (mount: Draft, value: string | undefined, key: string) => void;

interface Draft {
  type: string;
  source?: string;
  target?: string;
  readOnly?: boolean;
  consistency?: string;
  readonly groups: Record<string, Record<string, unknown>>;
}

const inGroup =
  (group: string, name: string, read: (value: string) => unknown = (value) => value): Setter =>
  (mount, value, key) => {
    (mount.groups[group] ??= {})[name] = read(needed(value, key));
  };
const flagInGroup =
  (group: string, name: string): Setter =>
  (mount, value, key) => {
    (mount.groups[group] ??= {})[name] = flagOf(value, key);
  };
const setSource: Setter = (mount, value, key) => void (mount.source = needed(value, key));
const setTarget: Setter = (mount, value, key) => void (mount.target = needed(value, key));
const setReadOnly: Setter = (mount, value, key) => void (mount.readOnly = flagOf(value, key));

/** The fields of `docker run --mount`, and where the API has them. */
const FIELDS: Readonly<Record<string, Setter>> = {
  type: (mount, value, key) => void (mount.type = needed(value, key).toLowerCase()),
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  consistency: (mount, value, key) => void (mount.consistency = needed(value, key)),
  "bind-propagation": inGroup("BindOptions", "Propagation"),
  "bind-nonrecursive": flagInGroup("BindOptions", "NonRecursive"),
  "bind-create-src": flagInGroup("BindOptions", "CreateMountpoint"),
  "bind-recursive": bindRecursive,
  "volume-nocopy": flagInGroup("VolumeOptions", "NoCopy"),
  "volume-subpath": inGroup("VolumeOptions", "Subpath"),
  "volume-driver": (mount, value, key) => void (volumeDriver(mount)["Name"] = needed(value, key)),
  "volume-opt": (mount, value, key) => addPair((volumeDriver(mount)["Options"] ??= {}), needed(value, key)),
  "volume-label": (mount, value, key) =>
    addPair(((mount.groups["VolumeOptions"] ??= {})["Labels"] ??= {}), needed(value, key)),
  "tmpfs-size": inGroup("TmpfsOptions", "SizeBytes", (value) => bytesOf(value, "size")),
  "tmpfs-mode": inGroup("TmpfsOptions", "Mode", octal),
  "image-subpath": inGroup("ImageOptions", "Subpath"),
};

function needed(value: string | undefined, key: string): string {
  if (value === undefined || value === "") throw new SpecError(`the field "${key}" of a mount has no value`);
  return value;
}

function bindRecursive(mount: Draft, value: string | undefined, key: string): void {
  const options = (mount.groups["BindOptions"] ??= {});
  const names: Readonly<Record<string, string>> = {
    disabled: "NonRecursive",
    writable: "ReadOnlyNonRecursive",
    readonly: "ReadOnlyForceRecursive",
  };
  const word = needed(value, key);
  if (word === "enabled") return;
  const name = names[word];
  if (!name)
    throw new SpecError(`"${word}" is not a way to bind`, ["write enabled, disabled, writable or readonly"]);
  options[name] = true;
}

function volumeDriver(mount: Draft): Record<string, unknown> {
  const options = (mount.groups["VolumeOptions"] ??= {});
  return (options["DriverConfig"] ??= {}) as Record<string, unknown>;
}

function addPair(pairs: unknown, text: string): void {
  const at = text.indexOf("=");
  (pairs as Record<string, string>)[at < 0 ? text : text.slice(0, at)] = at < 0 ? "" : text.slice(at + 1);
}

function octal(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text)) throw new SpecError(`"${text}" is not a mode`, ["write it in octal: 1777"]);
  return Number.parseInt(text, 8);
}

/**
 * Reads a mount as `docker run --mount` does: `type=bind,source=./data,target=/data,readonly`.
 * @throws SpecError
 */
export function parseMount(text: string, base: PathBase): MountSpec {
  const draft: Draft = { type: "volume", groups: {} };
  for (const [key, value] of splitFields(text)) {
    const set = FIELDS[key];
    if (!set)
      throw new SpecError(`a mount has no field "${key}"`, [`fields are ${Object.keys(FIELDS).join(", ")}`]);
    set(draft, value, key);
  }
  checkMount(draft, text, new Map(splitFields(text)));
  const { type, source, target = "", readOnly, consistency, groups } = draft;
  return {
    Type: type,
    ...(source === undefined ? {} : { Source: type === "bind" ? hostPath(source, base) : source }),
    Target: target,
    ...(readOnly === undefined ? {} : { ReadOnly: readOnly }),
    ...(consistency === undefined ? {} : { Consistency: consistency }),
    ...groups,
  };
}

const GROUP_OF: Readonly<Record<string, string>> = {
  bind: "bind",
  volume: "volume",
  tmpfs: "tmpfs",
  image: "image",
};

function checkMount(draft: Draft, text: string, fields: Fields): void {
  const { type } = draft;
  if (![...Object.keys(GROUP_OF), "npipe", "cluster"].includes(type))
    throw new SpecError(`"${type}" is not a type of mount`, ["types are bind, volume, tmpfs and image"]);
  if (!draft.target) throw new SpecError(`"${text}" has no target`, ["add target=/path"]);
  if (!draft.target.startsWith("/"))
    throw new SpecError(`"${text}" mounts at "${draft.target}", which is not absolute`);
  if ((type === "bind" || type === "image") && !draft.source)
    throw new SpecError(`"${text}" has no source`, ["add source=…"]);
  if (type === "tmpfs" && draft.source)
    throw new SpecError(`"${text}" gives a source to a tmpfs`, ["leave source out"]);
  for (const key of fields.keys()) {
    const group = /^(bind|volume|tmpfs|image)-/.exec(key)?.[1];
    if (group && group !== type) throw new SpecError(`"${text}" mixes ${key} with type=${type}`);
  }
}

/** `/run` or `/run:size=64m,mode=1777` -> path and options. @throws SpecError */
export function parseTmpfs(text: string): readonly [path: string, options: string] {
  const at = text.indexOf(":");
  const path = at < 0 ? text : text.slice(0, at);
  if (!path.startsWith("/"))
    throw new SpecError(`"${text}" mounts at "${path}", which is not absolute`, [
      "write /path or /path:size=64m,mode=1777",
    ]);
  return [path, at < 0 ? "" : text.slice(at + 1)];
}
