import { SectionText } from "./cfg.js";
import { type Alike, carryOver, type ComposeScope, leftOver } from "./compose-scope.js";
import { hosts, ulimits } from "./compose-values.js";
import { asList, asMap, asPairs, asText, asTexts, type Yaml } from "./yaml.js";

type Map = { [key: string]: Yaml };

const ALIKE: Alike = {
  texts: {
    dockerfile: "dockerfile",
    target: "target",
    network: "network",
    shm_size: "shm-size",
    no_cache: "no-cache",
    pull: "pull",
    isolation: "isolation",
    provenance: "provenance",
    sbom: "sbom",
  },
  lists: {
    tags: "tags",
    cache_from: "cache-from",
    cache_to: "cache-to",
    no_cache_filter: "no-cache-filter",
  },
  pairs: {
    args: "build-args",
    labels: "labels",
    ssh: "ssh",
  },
};

const CONVERTED = [
  "context",
  "dockerfile_inline",
  "extra_hosts",
  "platforms",
  "ulimits",
  "entitlements",
  "privileged",
  "additional_contexts",
  "secrets",
  ...Object.values(ALIKE).flatMap(Object.keys),
];

/** The part that builds a service's image, where Compose builds one and no service before builds the same. */
export function convertBuild(name: string, service: Map, scope: ComposeScope): SectionText | undefined {
  const own = scope.builds.get(name);
  const first = [...scope.builds].find(([, part]) => part === own)?.[0];
  if (own === undefined || first !== name) return undefined;
  const build =
    typeof service["build"] === "string" ? { context: service["build"] } : asMap(service["build"]);
  leftOver(`services.${name}.build`, build, CONVERTED, scope);
  const part = new SectionText(own)
    .set("recipe", "docker.build")
    .set("name", asText(service["image"]) ?? `${scope.project}-${name}`)
    .set("source", scope.place(asText(build["context"]) ?? "."))
    .set("dockerfile-inline", asText(build["dockerfile_inline"])?.trimEnd());
  carryOver(part, build, ALIKE, scope);
  return part
    .set("platform", asTexts(build["platforms"] ?? service["platform"]))
    .set("extra-hosts", hosts(build["extra_hosts"]))
    .set("ulimits", ulimits(asMap(build["ulimits"])))
    .set("allow", allowed(build))
    .set(
      "build-contexts",
      asPairs(build["additional_contexts"]).map((line) => contextLine(line, scope)),
    )
    .set(
      "secrets",
      asList(build["secrets"]).flatMap((item) => secretLine(item, name, scope)),
    );
}

/** Compose's `privileged` is the one entitlement that BuildKit has for it. */
function allowed(build: Map): string[] {
  const all = [
    ...asTexts(build["entitlements"]),
    ...(build["privileged"] === true ? ["security.insecure"] : []),
  ];
  return [...new Set(all)];
}

/** A service's image: the part that builds it, or its name. */
export function imageOf(name: string, service: Map, { builds }: ComposeScope): string | undefined {
  const part = builds.get(name);
  return part === undefined ? asText(service["image"]) : `$<${part}:image>`;
}

/** The image of another service is meant by its part, so that it is built before. */
function contextLine(line: string, scope: ComposeScope): string {
  const [, name = "", service = ""] = /^([^=]+)=service:(.*)$/.exec(line) ?? [];
  const other = scope.definitions[service];
  if (other === undefined) return line.replace(/(?<==).*/, (path) => scope.place(path));
  return `${name}=docker-image://${imageOf(service, other, scope) ?? ""}`;
}

function secretLine(item: Yaml, service: string, scope: ComposeScope): string[] {
  const { source, target } = asMap(item);
  const from = asText(item) ?? asText(source) ?? "";
  const id = asText(target) ?? from;
  const file = scope.files.secrets.get(from);
  const variable = scope.secretVariables.get(from);
  if (file !== undefined) return [`id=${id},src=${scope.place(file)}`];
  if (variable !== undefined) return [`id=${id},env=${variable}`];
  scope.note(`services.${service}.build.secrets: ${from} is neither a file nor a variable`);
  return [];
}
