import { posix } from "node:path";
import type { SectionText } from "./cfg.js";
import { type ComposeScope, leftOver } from "./compose-scope.js";
import { asPath, longTmpfs, longVolume } from "./compose-values.js";
import { asList, asMap, asText, asTexts, type Yaml } from "./yaml.js";

type Service = { [key: string]: Yaml };

function isOfType(volume: Yaml, type: string): boolean {
  return asMap(volume)["type"] === type;
}

/** What only a mount can be: an image, and a folder of a volume. */
function isMount(volume: Yaml): boolean {
  return isOfType(volume, "image") || asMap(asMap(volume)["volume"])["subpath"] !== undefined;
}

function isPlain(volume: Yaml): boolean {
  return !isOfType(volume, "tmpfs") && !isMount(volume);
}

export function setMounts(part: SectionText, name: string, service: Service, scope: ComposeScope): void {
  const volumes = asList(service["volumes"]);
  const files = (["secrets", "configs"] as const).flatMap((kind) =>
    asList(service[kind]).flatMap((item) => fileLine(item, kind, { name, scope })),
  );
  part.set("tmpfs", [
    ...asTexts(service["tmpfs"]),
    ...volumes.filter((volume) => isOfType(volume, "tmpfs")).map((volume) => longTmpfs(asMap(volume))),
  ]);
  part.set("volumes", [...volumes.filter(isPlain).map((volume) => volumeLine(volume, scope)), ...files]);
  part.set(
    "mounts",
    volumes.filter(isMount).map((volume) => mountLine(asMap(volume), scope)),
  );
  const known = ["type", "source", "target", "read_only", "volume", "tmpfs", "bind", "image", "consistency"];
  for (const volume of volumes.map(asMap)) {
    const where = `services.${name}.volumes`;
    leftOver(where, volume, known, scope);
    // A folder that is not there is made by the engine.
    leftOver(`${where}.bind`, asMap(volume["bind"]), ["create_host_path", "propagation", "selinux"], scope);
    leftOver(`${where}.volume`, asMap(volume["volume"]), ["nocopy", "subpath"], scope);
    leftOver(`${where}.image`, asMap(volume["image"]), ["subpath"], scope);
  }
}

/** A named volume is meant by its part, so that the dependency is there; anything else stays as it is. */
function volumeLine(value: Yaml, scope: ComposeScope): string {
  const line = asText(value) ?? longVolume(asMap(value));
  const [source = "", ...rest] = line.split(":");
  const kept = source.startsWith(".") ? scope.place(source) : undefined;
  const meant = volumeName(source, scope) ?? kept;
  return meant === undefined || rest.length === 0 ? line : [meant, ...rest].join(":");
}

function volumeName(name: string, { volumes, external }: ComposeScope): string | undefined {
  const part = volumes.get(name);
  return part === undefined ? external.volumes.get(name) : `$<${part}:name>`;
}

function mountLine(volume: Service, scope: ComposeScope): string {
  const type = asText(volume["type"]) ?? "volume";
  const source = asText(volume["source"]) ?? "";
  const subpath = asText(asMap(volume[type])["subpath"]);
  return [
    `type=${type}`,
    `source=${type === "volume" ? (volumeName(source, scope) ?? source) : source}`,
    `target=${asText(volume["target"]) ?? ""}`,
    ...(subpath === undefined ? [] : [`${type}-subpath=${subpath}`]),
    ...(asMap(volume["volume"])["nocopy"] === true ? ["volume-nocopy"] : []),
    ...(volume["read_only"] === true ? ["readonly"] : []),
  ].join(",");
}

/** Compose mounts the files of secrets and configs as they are, read-only. */
function fileLine(
  item: Yaml,
  kind: "secrets" | "configs",
  { name, scope }: { readonly name: string; readonly scope: ComposeScope },
): string[] {
  const { source, target } = asMap(item);
  const from = asText(item) ?? asText(source) ?? "";
  const file = scope.files[kind].get(from);
  if (file === undefined) {
    scope.note(
      `services.${name}.${kind}: ${from} was not carried over: it is no file; write it into one and mount that`,
    );
    return [];
  }
  const at = posix.resolve(kind === "secrets" ? "/run/secrets" : "/", asText(target) ?? from);
  return [`${scope.place(asPath(file))}:${at}:ro`];
}
