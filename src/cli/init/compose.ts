import { parse } from "yaml";
import { type Converted, partName, printFile, SectionText } from "./cfg.js";
import { type ComposeScope, leftOver, LET_COMPOSE, placing } from "./compose-scope.js";
import { convertBuild } from "./compose-build.js";
import { FALLBACKS, Interpolation } from "./compose-interpolate.js";
import { convertService, networksOf } from "./compose-service.js";
import { asMap, asPairs, asText, asTexts, type Yaml } from "./yaml.js";

const FILE_KEYS = new Set(["version", "name", "services", "networks", "volumes", "secrets", "configs"]);

/** What Compose knows of a file beside its text. */
export interface Surroundings {
  /** Where the Compose file is, from where the buildout file is: `` where they stand side by side. */
  readonly folder?: string;
  /** `COMPOSE_PROJECT_NAME`, which counts before the file's `name`. */
  readonly projectName?: string | undefined;
  /** `COMPOSE_PROFILES`. */
  readonly profiles?: readonly string[];
  /** The variables of `.env`. */
  readonly settings?: readonly string[];
  /** The files that Compose lays over this one by itself. */
  readonly others?: readonly string[];
}

/** A Compose file as a buildout file (https://github.com/compose-spec/compose-spec). Networks and volumes keep the
 *  names that Compose gave them, so that what exists is found and used. `folder` is what Compose calls a project that
 *  has no name. */
export function fromCompose(yaml: string, folder: string, around: Surroundings = {}): Converted {
  const notes: string[] = [];
  const note = (message: string): void => void (notes.includes(message) || notes.push(message));
  // Whoever wrote the file may use an anchor as often as they like; Compose's integers have 64 bits; its tags (`!reset`)
  // say how files are laid over each other.
  const how = { merge: true, maxAliasCount: -1, intAsBigInt: true, logLevel: "error" } as const;
  const read = parse(yaml, how) as Yaml;
  const named = new Interpolation({}).of(asMap(read)["name"]);
  const project = around.projectName ?? asText(named) ?? folder;
  const variables = new Interpolation({ COMPOSE_PROJECT_NAME: project }, around.settings);
  const file = asMap(variables.of(read));
  for (const other of around.others ?? []) note(`${other} was not carried over: ${LET_COMPOSE}`);
  const scope = scopeOf(file, { project, place: placing(around.folder ?? ""), note });
  for (const key of Object.keys(file))
    if (key === "include") note(`include was not carried over: ${LET_COMPOSE}`);
    else if (!FILE_KEYS.has(key) && !key.startsWith("x-")) note(`${key}: there is no such thing here`);
  const sections = [...networkParts(file, scope), ...volumeParts(file, scope), ...serviceParts(scope)];
  for (const [name, service] of Object.entries(asMap(file["services"])))
    if (Object.keys(asMap(service)).length === 0) scope.note(`services.${name} says nothing of a service`);
  const inactive = withProfiles(scope, new Set(around.profiles));
  const left = partsOf(inactive, scope);
  const listed = sections.flatMap(({ name }) => (left.has(name) ? [] : [name]));
  for (const name of inactive) {
    const part = scope.services.get(name);
    note(`${part} has profiles: tsbuildout install ${part}`);
  }
  const parts = listed.join("\n    ");
  const head = `[buildout]\nparts =\n    ${parts}\n# \${…} stays as it is: it belongs to the shells in the containers\nsubstitution = angle`;
  return { text: printFile(head, [...variables.sections(), ...sections]), notes };
}

function scopeOf(
  file: { [key: string]: Yaml },
  { project, place, note }: Pick<ComposeScope, "project" | "place" | "note">,
): ComposeScope {
  const taken = new Set<string>(["buildout", "versions", "env", FALLBACKS]);
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

/** Services that Compose starts only when they are asked for. */
function withProfiles({ definitions }: ComposeScope, active: ReadonlySet<string>): string[] {
  return Object.entries(definitions).flatMap(([name, definition]) => {
    const profiles = asTexts(definition["profiles"]);
    const isActive = active.has("*") || profiles.some((profile) => active.has(profile));
    return profiles.length > 0 && !isActive ? [name] : [];
  });
}

/** The parts of those services, and of images that no other service has: no parts of a whole run. */
function partsOf(names: readonly string[], { services, builds }: ComposeScope): Set<string> {
  const others = [...builds].flatMap(([name, part]) => (names.includes(name) ? [] : [part]));
  const images = names.flatMap((name) => builds.get(name) ?? []).filter((part) => !others.includes(part));
  return new Set([...names.flatMap((name) => services.get(name) ?? []), ...images]);
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
      [
        "name",
        "driver",
        "driver_opts",
        "ipam",
        "enable_ipv6",
        "internal",
        "attachable",
        "labels",
        "external",
      ],
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
    leftOver(`volumes.${name}`, volume, ["name", "driver", "driver_opts", "labels", "external"], scope);
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
