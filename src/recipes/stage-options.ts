import { option } from "tsbuildout/recipe";
import { runOptions } from "./run-options.js";

/** Everything of a stage is changed by running it again: a stage is never taken away because an option changed. */
const inPlace = true;

/** What of docker.run makes sense for something that runs to its end. */
const CARRIED = [
  "user",
  "hostname",
  "labels",
  "networks",
  "network-aliases",
  "network-mode",
  "dns",
  "extra-hosts",
  "mounts",
  "tmpfs",
  "read-only",
  "shm-size",
  "privileged",
  "cap-add",
  "cap-drop",
  "security-opt",
  "devices",
  "gpus",
  "sysctls",
  "ulimits",
  "ipc",
  "pid",
  "init",
  "memory",
  "memory-swap",
  "cpus",
  "cpuset-cpus",
  "pids-limit",
  "platform",
  "pull-policy",
  "engine-url",
  "engine-tls-verify",
  "engine-tls-cert-path",
  "context",
  "machine-name",
] as const;

type Carried = Pick<typeof runOptions, (typeof CARRIED)[number]>;

const carried = Object.fromEntries(CARRIED.map((name) => [name, runOptions[name]])) as unknown as Carried;

function allInPlace<S extends Readonly<Record<string, object>>>(schema: S): S {
  return Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, { ...one, inPlace }])) as S;
}

const own = {
  image: option.string({
    doc: "Image that the stage runs in. A stage without one does nothing itself: it waits for others.",
    aliases: ["img"],
  }),
  run: option.script({
    doc: "Script that the stage runs; it has succeeded when it ends with 0. `$$` stands for `$`. Default: the image's own command.",
  }),
  shell: option.words({ doc: "Shell that runs the script, with its options.", default: "/bin/sh" }),
  dir: option.string({
    doc: "Directory in which the script starts. Default: with `on` the stage's own volume, else the image's.",
    aliases: ["workdir"],
  }),
  env: option.lines({
    doc: "Environment, one a line: `NAME=VALUE`; the name of a stage, whose name in capitals (`-` as `_`) then has its trimmed standard output; or the NAME of a variable that is set for tsbuildout.",
  }),
  vol: option.lines({
    doc: "What to mount, one a line: a stage (its volume, read-only, at `/<stage>`), `stage:/path`, `code` (the buildout's folder, read-only, at `/code`), a docker.volume part, `/host/path:/path[:ro]` (a path of the engine's machine; one that begins with `.` starts at the buildout's folder, one with `~` at the home folder).",
  }),
  "out-vol": option.lines({
    doc: "Where the stage leaves its output, one a line: `/path`, at which its own volume is mounted too, or a docker.volume part that it writes into.",
  }),
  "host-folders": option.choice(["mount", "copy"], {
    doc: "How `/out`, `code` and `~/.aws` get into the container: mounted, which takes an engine that has this machine's files, or copied when the stage starts. Default: mounted where the engine is at a unix socket and calls itself by this machine's name, else copied.",
  }),
  on: option.string({
    doc: "A stage whose volume is copied into this stage's own, where the script then starts; `code`: the buildout's folder.",
  }),
  after: option.words({ doc: "Stages, or other parts, that must have ended well before." }),
  "no-log": option.boolean({ doc: "Keep what it prints out of the log.", default: "false" }),
  "never-fail": option.boolean({ doc: "Whatever it exits with counts as success.", default: "false" }),
  always: option.boolean({ doc: "Run at every install.", default: "false" }),
  finally: option.boolean({
    doc: "Run at every install, once the parts that it names have ended, whether or not they succeeded.",
    default: "false",
  }),
  cache: option.boolean({
    doc: "Use the recorded result while nothing that it depends on has changed.",
    default: "true",
  }),
  triggers: option.lines({
    doc: "Globs, one a line: which files of the buildout's folder concern the stage. With `vol = code` only these count as a change; `install --since REV` runs the stages of which one has changed.",
  }),
  retries: option.integer({ doc: "How often to try again when it fails.", default: "0" }),
  "output-files": option.lines({
    doc: "Outputs from files, `name path` a line: `$<stage:name>` is the trimmed content of that file when the stage has ended.",
  }),
  secret: option.boolean({
    doc: "What it prints, and its output files, are secrets: never shown, never recorded.",
    default: "false",
  }),
  "aws-credentials": option.boolean({
    doc: "Hand on AWS credentials: the AWS_ variables of the environment, and `~/.aws` read-only.",
    default: "false",
  }),
  publish: option.lines({
    doc: "Paths in the stage that are published with the run where `[buildout] results` is set.",
  }),
};

export const stageOptions: typeof own & Carried = { ...allInPlace(own), ...allInPlace(carried) };

export type StageSchema = typeof stageOptions;
