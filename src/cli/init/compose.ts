import { parse } from "yaml";
import { type Converted, partName, printFile, SectionText } from "./cfg.js";
import { type ComposeScope, leftOver, LET_COMPOSE, placing } from "./compose-scope.js";
import { convertBuild } from "./compose-build.js";
import { convertService, networksOf } from "./compose-service.js";
import { asList, asMap, asPairs, asText, type Yaml } from "./yaml.js";

const FILE_KEYS = new Set(["version", "name", "services", "networks", "volumes", "secrets", "configs"]);

/** A Compose file as a buildout file (https://github.com/compose-spec/compose-spec). Networks and volumes keep the
 *  names that Compose gave them, so that what exists is found and used. `project` is what Compose would call it, `folder`
 *  where its file is, from where the buildout file is. */
export function fromCompose(yaml: string, project: string, folder = ""): Converted {
  const notes: string[] = [];
  const note = (message: string): void => void (notes.includes(message) || notes.push(message));
  const file = asMap(interpolate(parse(yaml, { merge: true }) as Yaml, note));
  const place = placing(folder);
  const scope = scopeOf(file, { project: asText(file["name"]) ?? project, place, note });
  for (const key of Object.keys(file))
    if (key === "include") note(`include was not carried over: ${LET_COMPOSE}`);
    else if (!FILE_KEYS.has(key) && !key.startsWith("x-")) note(`${key}: there is no such thing here`);
  const sections = [...networkParts(file, scope), ...volumeParts(file, scope), ...serviceParts(scope)];
  for (const [name, service] of Object.entries(asMap(file["services"])))
    if (Object.keys(asMap(service)).length === 0) scope.note(`services.${name} says nothing of a service`);
  const left = new Set(withProfiles(scope));
  const listed = sections.flatMap(({ name }) => (left.has(name) ? [] : [name]));
  for (const name of left) scope.note(`${name} has profiles: tsbuildout install ${name}`);
  const parts = listed.join("\n    ");
  const head = `[buildout]\nparts =\n    ${parts}\n# \${…} stays as it is: it belongs to the shells in the containers\nsubstitution = angle`;
  return { text: printFile(head, sections), notes };
}

function scopeOf(
  file: { [key: string]: Yaml },
  { project, place, note }: Pick<ComposeScope, "project" | "place" | "note">,
): ComposeScope {
  const taken = new Set<string>(["buildout", "versions", "env"]);
  const claim = (names: readonly string[], kind: string) =>
    new Map(
      names.map((name) => {
        let part = partName(name);
        if (taken.has(part)) part = `${part}-${kind}`;
        taken.add(part);
        return [name, part];
      }),
    );
  const definitions = Object.fromEntries(
    Object.entries(asMap(file["services"])).map(([name, service]) => [name, asMap(service)]),
  );
  const services = claim(Object.keys(definitions), "container");
  const builds = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const [name, service] of Object.entries(definitions)) {
    const same = buildKey(name, service);
    if (same === undefined) continue;
    if (!owners.has(same)) owners.set(same, `${services.get(name)}-image`);
    builds.set(name, owners.get(same)!);
  }
  const named = (key: string) =>
    Object.entries(asMap(file[key])).flatMap(([name, value]) => (isExternal(value) ? [] : [name]));
  const usesDefault = Object.values(definitions).some((service) => networksOf(service).includes("default"));
  const networks = claim(
    [...new Set([...(usesDefault ? ["default"] : []), ...named("networks")])],
    "network",
  );
  const files = { secrets: textsOf(file["secrets"], "file"), configs: textsOf(file["configs"], "file") };
  const secretVariables = textsOf(file["secrets"], "environment");
  const volumes = claim(named("volumes"), "volume");
  const external = { networks: externalNames(file["networks"]), volumes: externalNames(file["volumes"]) };
  return {
    project,
    definitions,
    services,
    builds,
    networks,
    volumes,
    external,
    files,
    secretVariables,
    place,
    note,
  };
}

/** What a build is told apart by; without an `image` every service has one of its own name. */
function buildKey(name: string, { build, image, platform }: { [key: string]: Yaml }): string | undefined {
  return build === undefined ? undefined : JSON.stringify([asText(image) ?? { name }, build, platform]);
}

function externalNames(value: Yaml): Map<string, string> {
  return new Map(
    Object.entries(asMap(value)).flatMap(([name, one]) => {
      const own = asText(asMap(one)["name"]) ?? asText(asMap(asMap(one)["external"])["name"]);
      return isExternal(one) ? [[name, own ?? name] as const] : [];
    }),
  );
}

/** One key of all that have it, by their names. */
function textsOf(value: Yaml, key: string): Map<string, string> {
  return new Map(
    Object.entries(asMap(value)).flatMap(([name, one]): [string, string][] => {
      const text = asText(asMap(one)[key]);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

/** Services that Compose starts only when they are asked for: no parts of a whole run. */
function withProfiles({ definitions, services }: ComposeScope): string[] {
  return Object.entries(definitions).flatMap(([name, { profiles }]) =>
    asList(profiles).length > 0 ? [services.get(name)!] : [],
  );
}

function isExternal(value: Yaml): boolean {
  const external = asMap(value)["external"];
  return external === true || Object.keys(asMap(external)).length > 0;
}

function networkParts(file: { [key: string]: Yaml }, scope: ComposeScope): SectionText[] {
  return [...scope.networks].map(([name, part]) => {
    const network = asMap(asMap(file["networks"])[name]);
    const pools = asListOfMaps(asMap(network["ipam"])["config"]);
    leftOver(
      `networks.${name}`,
      network,
      ["name", "driver", "driver_opts", "ipam", "enable_ipv6", "internal", "attachable", "labels"],
      scope,
    );
    return new SectionText(part)
      .set("recipe", "docker.network")
      .set("name", asText(network["name"]) ?? `${scope.project}_${name}`)
      .set("driver", asText(network["driver"]))
      .set("driver-options", asPairs(network["driver_opts"]))
      .set(
        "subnet",
        pools.flatMap((pool) => asText(pool["subnet"]) ?? []),
      )
      .set(
        "gateway",
        pools.flatMap((pool) => asText(pool["gateway"]) ?? []),
      )
      .set(
        "ip-range",
        pools.flatMap((pool) => asText(pool["ip_range"]) ?? []),
      )
      .set("ipv6", asText(network["enable_ipv6"]))
      .set("internal", asText(network["internal"]))
      .set("attachable", asText(network["attachable"]))
      .set("labels", asPairs(network["labels"]));
  });
}

function asListOfMaps(value: Yaml): { [key: string]: Yaml }[] {
  return Array.isArray(value) ? value.map(asMap) : [];
}

function volumeParts(file: { [key: string]: Yaml }, scope: ComposeScope): SectionText[] {
  return [...scope.volumes].map(([name, part]) => {
    const volume = asMap(asMap(file["volumes"])[name]);
    leftOver(`volumes.${name}`, volume, ["name", "driver", "driver_opts", "labels"], scope);
    return new SectionText(part)
      .set("recipe", "docker.volume")
      .set("name", asText(volume["name"]) ?? `${scope.project}_${name}`)
      .set("driver", asText(volume["driver"]))
      .set("driver-options", asPairs(volume["driver_opts"]))
      .set("labels", asPairs(volume["labels"]))
      .set("keep", true);
  });
}

function serviceParts(scope: ComposeScope): SectionText[] {
  return Object.entries(scope.definitions).flatMap(([name, service]) => {
    const build = convertBuild(name, service, scope);
    return [...(build ? [build] : []), convertService(name, service, scope)];
  });
}

type Note = (message: string) => void;

/** Compose's own interpolation, as references to the environment; its `$$` is a plain `$`. */
function interpolate(value: Yaml, note: Note): Yaml {
  if (typeof value === "string") return interpolateText(value, note);
  if (Array.isArray(value)) return value.map((item) => interpolate(item, note));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, note)]));
}

/** One variable; the word behind its operator may hold others. */
const VARIABLE = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?([-?+])((?:[^{}]|\{[^{}]*\})*))?\})/g;

function interpolateText(text: string, note: Note): string {
  return text.replaceAll(
    VARIABLE,
    (all: string, bare?: string, name?: string, operator?: string, word?: string) => {
      if (all === "$$") return "$";
      if (operator === "?") return `$<env:${name}>`;
      if (operator === "+" || /[$>]/.test(word ?? "")) {
        note(
          `\${${name}…} stays as it is: a fallback here holds neither a variable nor a >, and there is no :+`,
        );
        return all;
      }
      return `$<env:${bare ?? name}|${operator === "-" ? (word ?? "") : ""}>`;
    },
  );
}
