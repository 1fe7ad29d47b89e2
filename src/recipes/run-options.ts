import {
  parseAddress,
  parseCpus,
  parseDevice,
  parseDeviceRule,
  parseExposed,
  parseExtraHost,
  parseGpus,
  parseHealthCommand,
  parseLink,
  parseMount,
  parseNetwork,
  parsePort,
  parseRestart,
  parseTmpfs,
  parseUlimit,
  parseVolume,
} from "tsbuildout/docker";
import { option, type OptionsOf } from "tsbuildout/recipe";
import { engineOptions } from "./common.js";
import { parseDeviceBytes, parseDeviceOperations, parseDeviceWeight, type DeviceRate } from "./run-blkio.js";
import { parseSecurity } from "./run-security.js";
import { commandOf, linesOf, oneOf, orForever, unescaped, wordsOf } from "./spec-options.js";
import { parseWaitFor } from "./wait-for.js";
import { parseOwner } from "./owner.js";

/** A change of these is applied to the container that is there. */
const inPlace = true;

const processOptions = {
  command: unescaped(
    commandOf({
      doc: "Words of the command, split as a shell splits them, or a JSON list of them; `$${x}` stands for the shell's `${x}`. Default: the image's.",
    }),
  ),
  entrypoint: unescaped(
    commandOf({
      doc: "Words of the entry point, in the same forms; set to nothing, the image's is left out. Default: the image's.",
    }),
  ),
  user: option.string({ doc: "User, or user:group, by name or number. Default: the image's." }),
  "group-add": option.words({ doc: "Further groups of the user." }),
  workdir: option.string({
    doc: "Directory in which the command starts. Default: the image's.",
    aliases: ["working-dir"],
  }),
  env: option.pairs({
    doc: "Environment, `NAME=VALUE` a line; a bare `NAME` takes its value from the environment of tsbuildout, as a secret, and where it has none takes the image's variable away. The proxies of the docker CLI's settings (`proxies`) are added under the names that are neither here nor in `env-file`; a change of them alone makes no new container.",
    aliases: ["environment"],
  }),
  "env-file": option.lines({
    doc: "Files (or pipes) of variables, one a line, relative to the buildout: lines `NAME=VALUE`, a value in quotes or not, a bare `NAME` that takes its value from the environment of tsbuildout, and comments; `?` before a file that may be missing. All are secrets. Later files win over earlier ones, and `env` over all.",
  }),
  tty: option.boolean({ doc: "Give the container a pseudo terminal.", default: "false" }),
  "stdin-open": option.boolean({
    doc: "Keep its standard input open.",
    default: "false",
    aliases: ["interactive"],
  }),
  init: option.boolean({
    doc: "Run the engine's init as process 1, which reaps orphans and hands on signals.",
  }),
  "stop-signal": option.string({ doc: "Signal that asks it to end. Default: the image's, else SIGTERM." }),
  "stop-timeout": orForever(
    option.duration({
      doc: "How long it may take to end before it is killed; `-1`: as long as it likes. Default: 10s.",
      aliases: ["stop-grace-period"],
    }),
  ),
  labels: option.pairs({ doc: "Labels, `NAME=VALUE` a line." }),
  restart: oneOf("restart policy", parseRestart, {
    doc: "When the engine starts it again: `no`, `always`, `unless-stopped`, `on-failure[:times]`. Default: `no`.",
    inPlace,
  }),
  "auto-remove": option.boolean({
    doc: "Let the engine remove the container when it ends.",
    default: "false",
    aliases: ["rm"],
  }),
};

const network = {
  hostname: option.string({ doc: "Host name in the container. Default: the beginning of its id." }),
  domainname: option.string({ doc: "Domain name in the container." }),
  ports: wordsOf("ports", parsePort, {
    doc: "Ports to publish, as `docker run --publish` takes them: `8080:80`, `127.0.0.1:8080:80/udp`, `8000-8010:8000-8010`, `[::1]:80:80`; `80` alone lets the engine choose.",
    aliases: ["publish"],
  }),
  expose: wordsOf("ports", parseExposed, { doc: "Ports to expose without publishing them." }),
  networks: linesOf("networks", parseNetwork, {
    doc: "Networks to join, one a line, the first as the main one; behind the name may stand `ip=`, `ip6=`, `mac=` and `alias=`.",
    inPlace,
  }),
  "network-aliases": option.words({ doc: "Names of the container in the networks that it joins.", inPlace }),
  "network-mode": option.string({
    doc: "`host`, `none`, `bridge`, or `container:NAME` to share that container's network; in place of `networks`.",
  }),
  links: linesOf("links", parseLink, {
    doc: "Containers that are known by another name in here, `container[:alias]` a line.",
  }),
  dns: wordsOf("addresses", parseAddress, { doc: "Addresses of name servers." }),
  "dns-search": option.words({ doc: "Search domains." }),
  "dns-options": option.words({ doc: "Options of the resolver." }),
  "extra-hosts": linesOf("hosts", parseExtraHost, {
    doc: "Entries of /etc/hosts, `name:address` a line; `host-gateway` is the host's address.",
    aliases: ["add-hosts"],
  }),
};

const storage = {
  volumes: linesOf("volumes", parseVolume, {
    doc: "What to mount, one a line: `folder:/target[:mode]` (relative to the buildout with a leading `./`), `volume:/target[:mode]`, or `/target` for an anonymous volume.",
  }),
  "volumes-from": option.words({ doc: "Containers whose volumes are mounted here too, `container[:ro]`." }),
  mounts: linesOf("mounts", parseMount, {
    doc: "What to mount, as `docker run --mount` takes it, one a line: `type=bind,source=./data,target=/data,readonly`.",
  }),
  tmpfs: linesOf("tmpfs", parseTmpfs, { doc: "Folders in memory, `/path[:size=64m,mode=1777]` a line." }),
  layout: option.path({
    doc: "A folder that is copied onto the container's root before it starts; a change of its content is copied again. Times are whole seconds, as with `docker cp`.",
  }),
  "layout-uid": option.custom("integer", parseOwner, {
    doc: "Owner of what the layout brings. Default: as in the folder.",
  }),
  "layout-gid": option.custom("integer", parseOwner, {
    doc: "Group of what the layout brings. Default: as in the folder.",
  }),
  "read-only": option.boolean({ doc: "Its root is read-only.", default: "false" }),
  "shm-size": option.size({ doc: "Size of /dev/shm." }),
  "storage-options": option.pairs({
    doc: "Options of the engine's storage driver, `NAME=VALUE` a line: `size=10g` (overlay2 on xfs with project quotas, btrfs, zfs).",
    aliases: ["storage-opt", "storage-opts"],
  }),
};

const rights = {
  privileged: option.boolean({ doc: "All capabilities and devices.", default: "false" }),
  "cap-add": option.words({ doc: "Capabilities to add." }),
  "cap-drop": option.words({ doc: "Capabilities to drop." }),
  "security-opt": wordsOf("security options", parseSecurity, {
    doc: "Security options: `no-new-privileges`, `seccomp=FILE` (a profile on this machine, or a pipe) or `seccomp=unconfined`, `apparmor=…`, `label=…`, `systempaths=unconfined`.",
  }),
  devices: linesOf("devices", parseDevice, {
    doc: "Devices, `/dev/name[:/dev/name[:rwm]]` a line, or a CDI name.",
  }),
  "device-cgroup-rules": linesOf("rules", parseDeviceRule, {
    doc: "Devices that may be made, a rule a line: `b 7:* rmw`.",
  }),
  gpus: oneOf("gpus", parseGpus, { doc: "GPUs: `all`, a number, or `device=…`." }),
  sysctls: option.pairs({ doc: "Kernel settings of the container, `NAME=VALUE` a line." }),
  ulimits: wordsOf("limits", parseUlimit, { doc: "Limits, `name=soft[:hard]` each." }),
  ipc: option.string({ doc: "IPC namespace: `private`, `shareable`, `host`, `none`, `container:NAME`." }),
  pid: option.string({ doc: "PID namespace: `host` or `container:NAME`." }),
  uts: option.string({ doc: "UTS namespace: `host`." }),
  "userns-mode": option.string({ doc: "User namespace: `host`.", aliases: ["userns"] }),
  cgroupns: option.choice(["private", "host"], { doc: "Cgroup namespace. Default: the engine's." }),
  "cgroup-parent": option.string({ doc: "The cgroup above the container's." }),
  runtime: option.string({ doc: "Name of the engine's runtime." }),
  annotations: option.pairs({
    doc: "Annotations for the runtime, `NAME=VALUE` a line (engines from 24 on).",
    aliases: ["annotation"],
  }),
};

const rates = (parse: (text: string) => DeviceRate, doc: string) => wordsOf("rates", parse, { doc });

const resources = {
  memory: option.size({ doc: "Memory limit: `512m`.", aliases: ["mem-limit"], inPlace }),
  "memory-swap": option.size({ doc: "Limit of memory and swap together; `-1`: no limit.", inPlace }),
  "memory-reservation": option.size({ doc: "Soft memory limit.", inPlace }),
  cpus: oneOf("number", parseCpus, { doc: "CPUs that it may use: `1.5`, `1/2`.", inPlace }),
  "cpu-shares": option.integer({ doc: "Weight beside other containers; 1024 is usual.", inPlace }),
  "cpuset-cpus": option.string({ doc: "Which CPUs: `0-2,4`.", inPlace }),
  "cpuset-mems": option.string({ doc: "Memory of which NUMA nodes: `0,1`." }),
  "pids-limit": option.integer({ doc: "How many processes; `-1`: no limit.", inPlace }),
  "oom-score-adj": option.integer({ doc: "From -1000 to 1000: who is killed first when memory is short." }),
  "blkio-weight": option.integer({
    doc: "Weight at block devices beside other containers, from 10 to 1000.",
  }),
  "blkio-weight-device": wordsOf("weights", parseDeviceWeight, {
    doc: "The same at single devices, `/dev/name:weight` each.",
  }),
  "device-read-bps": rates(
    parseDeviceBytes,
    "Bytes a second that it may read from devices, `/dev/name:10m` each.",
  ),
  "device-write-bps": rates(parseDeviceBytes, "Bytes a second that it may write to devices."),
  "device-read-iops": rates(parseDeviceOperations, "Reads a second from devices, `/dev/name:100` each."),
  "device-write-iops": rates(parseDeviceOperations, "Writes a second to devices."),
};

const logs = {
  "log-driver": option.string({ doc: "Driver of the container's log. Default: the engine's." }),
  "log-options": option.pairs({ doc: "Options of that driver, `NAME=VALUE` a line.", aliases: ["log-opts"] }),
};

const health = {
  "healthcheck-command": unescaped(
    oneOf("command", parseHealthCommand, {
      doc: "Command that tells whether it is healthy, for the shell, or a JSON list of words; `NONE`: no check. Default: the image's.",
      aliases: ["healthcheck-cmd", "healthcheck-test", "health-cmd"],
    }),
  ),
  "healthcheck-interval": option.duration({ doc: "Time between two checks.", aliases: ["health-interval"] }),
  "healthcheck-timeout": option.duration({ doc: "How long a check may take.", aliases: ["health-timeout"] }),
  "healthcheck-start-period": option.duration({
    doc: "Time in which failures do not count.",
    aliases: ["health-start-period"],
  }),
  "healthcheck-start-interval": option.duration({
    doc: "Time between checks in that period (engines from 25 on).",
    aliases: ["health-start-interval"],
  }),
  "healthcheck-retries": option.integer({
    doc: "How many failures make it unhealthy.",
    aliases: ["health-retries"],
  }),
};

const start = {
  start: option.boolean({ doc: "Start the container.", default: "true", inPlace }),
  "wait-for": linesOf("conditions", parseWaitFor, {
    doc: "What the part waits for, one a line: `healthy`, `port 5432`, `log REGEX`, `exit` (with code 0; `exit 0 3` allows others).",
    inPlace,
  }),
  "wait-timeout": option.duration({
    doc: "How long to wait for `healthy`, `port` and `log`.",
    default: "5m",
    inPlace,
  }),
  script: option.script({
    doc: "Script to run in the container once it runs, as written; `$$` stands for `$`. A first line `#!…` says by what.",
  }),
  "script-shell": option.words({ doc: "Shell that runs the script, with its options.", default: "/bin/sh" }),
  "script-user": option.string({ doc: "User that runs the script. Default: the container's." }),
};

/** Every option of docker.run. */
export const runOptions = {
  name: option.string({
    doc: "Name of the container. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    aliases: ["container"],
  }),
  image: option.string({ doc: "Image to run, by name or id.", required: true }),
  platform: option.string({ doc: "Platform of the image, for example `linux/arm64`." }),
  "pull-policy": option.choice(["missing", "always", "never"], {
    doc: "When the image is pulled: where it is `missing`; `always`, when every run (unless `-N` or `-o`) asks the registry and another image under the name makes a new container; or `never`.",
    default: "missing",
    inPlace,
  }),
  ...processOptions,
  ...network,
  ...storage,
  ...rights,
  ...resources,
  ...logs,
  ...health,
  ...start,
  ...engineOptions,
};

export type RunSchema = typeof runOptions;
export type RunOptions = OptionsOf<RunSchema>;
