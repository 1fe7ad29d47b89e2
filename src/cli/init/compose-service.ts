import { SectionText } from "./cfg.js";
import { type Alike, carryOver, type ComposeScope, leftOver, LET_COMPOSE } from "./compose-scope.js";
import { imageOf } from "./compose-build.js";
import { restartOf, setGpus, setLimits } from "./compose-deploy.js";
import { setMounts } from "./compose-mounts.js";
import { asList, asMap, asPairs, asText, asTexts, type Yaml } from "./yaml.js";
import { blockDevices, healthcheck, hosts, joinCommand, longPort, ulimits } from "./compose-values.js";

type Service = { [key: string]: Yaml };

const ALIKE: Alike = {
  texts: {
    user: "user",
    working_dir: "workdir",
    hostname: "hostname",
    privileged: "privileged",
    tty: "tty",
    read_only: "read-only",
    init: "init",
    platform: "platform",
    mem_limit: "memory",
    cpus: "cpus",
    cpuset: "cpuset-cpus",
    shm_size: "shm-size",
    pids_limit: "pids-limit",
    stop_signal: "stop-signal",
    stop_grace_period: "stop-timeout",
    stdin_open: "stdin-open",
    domainname: "domainname",
    mem_reservation: "memory-reservation",
    memswap_limit: "memory-swap",
    cpu_shares: "cpu-shares",
    oom_score_adj: "oom-score-adj",
    cgroup: "cgroupns",
    cgroup_parent: "cgroup-parent",
    runtime: "runtime",
    userns_mode: "userns-mode",
    uts: "uts",
  },
  lists: {
    cap_add: "cap-add",
    cap_drop: "cap-drop",
    security_opt: "security-opt",
    devices: "devices",
    dns: "dns",
    dns_search: "dns-search",
    dns_opt: "dns-options",
    group_add: "group-add",
    device_cgroup_rules: "device-cgroup-rules",
    expose: "expose",
  },
  pairs: {
    environment: "env",
    labels: "labels",
    sysctls: "sysctls",
    storage_opt: "storage-options",
    annotations: "annotations",
  },
};

const CONVERTED = [
  "image",
  "container_name",
  "command",
  "entrypoint",
  "ports",
  "volumes",
  "networks",
  "network_mode",
  "ipc",
  "pid",
  "healthcheck",
  "ulimits",
  "blkio_config",
  "logging",
  "extra_hosts",
  "pull_policy",
  "deploy",
  "links",
  "volumes_from",
  "gpus",
  "restart",
  "tmpfs",
  "env_file",
  "profiles",
  "secrets",
  "configs",
  "extends",
  ...Object.values(ALIKE).flatMap(Object.keys),
];

export function convertService(name: string, service: Service, scope: ComposeScope): SectionText {
  if (service["extends"] !== undefined)
    scope.note(`services.${name}.extends was not carried over: ${LET_COMPOSE}`);
  leftOver(`services.${name}`, service, CONVERTED, scope);
  const part = new SectionText(scope.services.get(name) ?? name).set("recipe", "docker.run");
  // An engine asks for two letters.
  const longer = part.name.length < 2 ? `${scope.project}-${name}` : undefined;
  part.set("name", asText(service["container_name"]) ?? longer);
  part.set("image", imageOf(name, service, scope));
  part.set("entrypoint", joinCommand(service["entrypoint"])).set("command", joinCommand(service["command"]));
  carryOver(part, service, ALIKE, scope);
  part.set("restart", restartOf(service));
  part.set("ipc", sharedWith(service["ipc"], scope)).set("pid", sharedWith(service["pid"], scope));
  part.set(
    "env-file",
    asList(service["env_file"]).map((file) => envFile(file, scope)),
  );
  for (const file of asList(service["env_file"]))
    leftOver(`services.${name}.env_file`, asMap(file), ["path", "required"], scope);
  part.set(
    "ports",
    asList(service["ports"]).flatMap((port) => asText(port) ?? longPort(asMap(port))),
  );
  setMounts(part, name, service, scope);
  part.set("extra-hosts", hosts(service["extra_hosts"]));
  part.set("ulimits", ulimits(asMap(service["ulimits"])));
  for (const [option, value] of blockDevices(asMap(service["blkio_config"]))) part.set(option, value);
  part.set("pull-policy", pullPolicy(name, asText(service["pull_policy"]), scope));
  part.set("log-driver", asText(asMap(service["logging"])["driver"]));
  part.set("log-options", asPairs(asMap(service["logging"])["options"]));
  for (const [option, value] of healthcheck(asMap(service["healthcheck"]))) part.set(option, value);
  setNetworks(part, name, service, scope);
  setLimits(part, name, asMap(service["deploy"]), scope);
  setGpus(part, name, service, scope);
  part.set(
    "volumes-from",
    asTexts(service["volumes_from"]).map((line) => containerLine(line, scope)),
  );
  setDependencies(part, name, service, scope);
  return part.set("wait-for", waitCondition(name, scope));
}

/** A service that is to be built needs no pull. */
function pullPolicy(name: string, said: string | undefined, scope: ComposeScope): string | undefined {
  const policy = said?.replace("if_not_present", "missing");
  if (policy === undefined || policy === "build") return undefined;
  if (/^(always|missing|never)$|\$</.test(policy)) return policy;
  scope.note(`services.${name}.pull_policy was not carried over: there are always, missing and never`);
  return undefined;
}

/** `service[:rest]` or `container:name[:rest]`; the container of a service is that of its part. */
function containerLine(line: string, scope: ComposeScope): string {
  const [container = "", ...rest] = line.replace(/^container:/, "").split(":");
  const part = line.startsWith("container:") ? undefined : scope.services.get(container);
  return [part === undefined ? container : `$<${part}:name>`, ...rest].join(":");
}

/** A link gives its container the name of the service, whatever the container is called. */
function linkLine(line: string, scope: ComposeScope): string {
  return containerLine(line.includes(":") ? line : `${line}:${line}`, scope);
}

function envFile(value: Yaml, scope: ComposeScope): string {
  const { path, required } = asMap(value);
  return `${required === false ? "? " : ""}${scope.place(asText(value) ?? asText(path) ?? "")}`;
}

/** Names in the file; Compose puts a service that says nothing of networks into `default`. */
export function networksOf({ networks, network_mode: mode }: Service): string[] {
  if (mode !== undefined) return [];
  return Array.isArray(networks) ? asTexts(networks) : Object.keys(asMap(networks ?? { default: {} }));
}

/** A name space that is another service's is that of its container. */
function sharedWith(value: Yaml, scope: ComposeScope): string | undefined {
  const mode = asText(value);
  const other = mode?.startsWith("service:") && scope.services.get(mode.replace("service:", ""));
  return other ? `container:$<${other}:name>` : mode;
}

function setNetworks(part: SectionText, name: string, service: Service, scope: ComposeScope): void {
  const mode = sharedWith(service["network_mode"], scope);
  if (mode !== undefined) {
    part.set("network-mode", mode);
    return;
  }
  const asked = service["networks"];
  const settings = Array.isArray(asked) ? {} : asMap(asked);
  part.set(
    "networks",
    networksOf(service).map((network) =>
      [networkName(network, scope), ...endpointSettings(asMap(settings[network]))].join(" "),
    ),
  );
  // Compose makes every service known by its name; a container is known by its own.
  part.set("network-aliases", name);
  for (const [network, one] of Object.entries(settings))
    leftOver(`services.${name}.networks.${network}`, asMap(one), Object.keys(ENDPOINT), scope);
  part.set(
    "links",
    asTexts(service["links"]).map((line) => linkLine(line, scope)),
  );
}

/** What a service has in one network -> our setting behind the network's name. */
const ENDPOINT: Readonly<Record<string, string>> = {
  ipv4_address: "ip",
  ipv6_address: "ip6",
  mac_address: "mac",
  aliases: "alias",
};

function endpointSettings(endpoint: Service): string[] {
  return Object.entries(ENDPOINT).flatMap(([key, setting]) => {
    const values = asTexts(endpoint[key]);
    return values.length === 0 ? [] : [`${setting}=${values.join(",")}`];
  });
}

function networkName(network: string, scope: ComposeScope): string {
  const part = scope.networks.get(network);
  return part === undefined ? (scope.external.networks.get(network) ?? network) : `$<${part}:name>`;
}

function dependencies(service: Service): [string, string][] {
  const value = service["depends_on"];
  if (Array.isArray(value)) return asTexts(value).map((name) => [name, "service_started"]);
  return Object.entries(asMap(value)).map(([name, how]) => [
    name,
    asText(asMap(how)["condition"]) ?? "service_started",
  ]);
}

function setDependencies(part: SectionText, name: string, service: Service, scope: ComposeScope): void {
  const parts = dependencies(service).flatMap(([other]) => scope.services.get(other) ?? []);
  if (parts.length > 0) part.set("=>", parts.join(" "));
  for (const [other] of dependencies(service))
    if (!scope.services.has(other)) scope.note(`services.${name}.depends_on: there is no service ${other}`);
}

/** What others wait for is said at the part that is waited for. */
function waitCondition(name: string, scope: ComposeScope): string | undefined {
  const conditions = Object.values(scope.definitions).flatMap((other) =>
    dependencies(other).flatMap(([needed, condition]) => (needed === name ? [condition] : [])),
  );
  if (conditions.includes("service_healthy")) return "healthy";
  return conditions.includes("service_completed_successfully") ? "exit" : undefined;
}
