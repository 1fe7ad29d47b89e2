import {
  type Call,
  type ContainerConfig,
  createContainer,
  hasStatus,
  inspectContainer,
  removeContainer,
  runAttached,
} from "tsbuildout/docker";
import type { InstallContext, OptionsOf } from "tsbuildout/recipe";
import { isOurs, labelsOf } from "./common.js";
import { withProxies } from "./proxies.js";
import { LineLog } from "./run-log.js";
import { containerConfig } from "./run-create.js";
import { securityConfig } from "./run-security.js";
import { type RunOptions, runOptions } from "./run-options.js";
import { scriptCommand } from "./run-script.js";
import { Console, LONGEST_OUTPUT } from "./stage-console.js";
import { ENV, looksSecret, variableOf } from "./stage-env.js";
import { type Ending, lateFailure, startFailure } from "./stage-failure.js";
import { type HostFolder, hostMounts, hostVolumes } from "./stage-host.js";
import type { StageMount } from "./stage-mounts.js";
import type { StageSchema } from "./stage-options.js";
import { stageObject } from "./stage-volume.js";

export interface Attempt {
  readonly context: InstallContext<StageSchema>;
  readonly call: Call;
  readonly mounts: readonly StageMount[];
  /** The stage's own volume. */
  readonly volume: string;
  /** Whether nothing is in it when the script starts. */
  readonly startsEmpty: boolean;
  /** Names of volumes by the part that has them. */
  readonly volumes: ReadonlyMap<string, string>;
  /** Folders of this machine that the stage sees. */
  readonly host: readonly HostFolder[];
  /** Whether the engine sees them too, and mounts them; else they are copied into the container. */
  readonly shared: boolean;
}

/** Options of docker.run that a stage does not have, at their defaults. */
function neutralOptions(attempt: Attempt): RunOptions {
  const at = { directory: attempt.context.buildout.directory, home: attempt.context.home };
  const decoded = Object.entries(runOptions).map(([name, one]) => [name, one.decode(one.default ?? "", at)]);
  return Object.fromEntries(decoded) as OptionsOf<typeof runOptions>;
}

/** The container of a stage, created and not yet started. It is removed by whoever asked for it. */
export async function createStage(attempt: Attempt): Promise<string> {
  const { context, call } = attempt;
  const name = stageObject(context.buildout.id, context.part);
  // One that a killed run left behind.
  const found = await inspectContainer(call, name);
  if (found && isOurs(found.Config.Labels, context)) await removeContainer(call, name);
  await context.created({ kind: "container", name });
  const { platform } = context.options;
  const { id, warnings } = await createContainer(call, {
    name,
    config: await stageConfig(attempt),
    ...(platform ? { platform } : {}),
  });
  for (const warning of warnings) context.log(warning, "note");
  return id;
}

async function stageConfig(attempt: Attempt): Promise<ContainerConfig> {
  const { context } = attempt;
  const { options, part } = context;
  const image = options.image!;
  const script = options.run;
  const command = script === undefined ? [] : [...scriptCommand(script, options.shell)];
  // What it prints is kept here, and followed by `tsbuildout logs -f`: the engine need not write it down once more.
  const log = { "log-driver": "none" };
  const all = { ...neutralOptions(attempt), ...options, ...log, env: [], command, image };
  const config = containerConfig(all, {
    env: context.env,
    labels: labelsOf(context),
    // A stage's script is the whole of what runs: an entry point of the image would get the shell as its arguments.
    isSet: (name) => (name === "command" || name === "entrypoint") && script !== undefined,
    security: await securityConfig(context, all["security-opt"], attempt.call.engine),
    allNetworks: true,
  });
  const dir = options.dir ?? (options.on === undefined ? undefined : `/${part}`);
  return {
    ...config,
    Env: await withProxies(context, attempt.call.engine, environment(attempt)),
    ...(dir === undefined ? {} : { WorkingDir: dir }),
    ...(script === undefined ? {} : { OpenStdin: true, StdinOnce: true, AttachStdin: true }),
    HostConfig: {
      ...config.HostConfig,
      Binds: [...binds(attempt), ...(attempt.shared ? hostMounts(attempt.host) : [])],
      Mounts: [...(config.HostConfig.Mounts ?? []), ...(attempt.shared ? [] : hostVolumes(attempt.host))],
    },
  };
}

function environment({ context }: Attempt): string[] {
  const { part, options } = context;
  const names = [...variableNames(context)];
  const own = [`OUT=/${part}`, `TSBUILDOUT_RUN_ID=${context.buildout.runId}`];
  const aws = options["aws-credentials"] ? awsVariables(context) : [];
  return [...own, ...aws, ...names.map((name) => `${name}=${(context.text(ENV + name) ?? "").trim()}`)];
}

/** What a script prints of them, as `set -x` and `env` do, is hidden: all that is no name of a file or a region. */
function awsVariables(context: InstallContext<StageSchema>): string[] {
  const set = Object.entries(context.env).flatMap(([name, value]) =>
    name.startsWith("AWS_") && value !== undefined ? [[name, value] as const] : [],
  );
  for (const [name, value] of set) if (looksSecret(name) && !name.endsWith("_FILE")) context.secret(value);
  return set.map(([name, value]) => `${name}=${value}`);
}

/** The variables that `configure` has computed, in the order of the option. */
function* variableNames(context: InstallContext<StageSchema>): Iterable<string> {
  for (const line of context.options.env) {
    const at = line.indexOf("=");
    const name = at > 0 ? line.slice(0, at) : line;
    const stage = variableOf(name);
    if (context.text(ENV + name) !== undefined) yield name;
    else if (context.text(ENV + stage) !== undefined) yield stage;
  }
}

function binds({ context, mounts, volume, volumes }: Attempt): string[] {
  const asked = mounts.flatMap((mount) => {
    if (mount.kind === "code") return [];
    if (mount.kind === "own") return [`${volume}:${mount.target}:nocopy`];
    if (mount.kind === "stage") return [`${volumes.get(mount.stage)}:${mount.target}:ro`];
    const source = mount.kind === "volume" ? volumes.get(mount.part) : mount.source;
    return [`${source}:${mount.target}${mount.readOnly ? ":ro" : ""}`];
  });
  // What the image has at that place is no output of the stage.
  return [`${volume}:/${context.part}:nocopy`, ...asked];
}

export interface Ended extends Ending {
  /** Trimmed; undefined where it is too long to be an output. */
  readonly stdout: string | undefined;
  /** Of all that it printed on standard output, `sha256:…`. */
  readonly digest: string;
}

/** Starts a created stage, gives it its script, and waits for its end; what it prints goes to files and to the log. */
export async function runStage(attempt: Attempt, container: string): Promise<Ended> {
  const { context, call } = attempt;
  const { options, part: stage } = context;
  const quiet = options["no-log"] || options.secret;
  const log = new LineLog(quiet ? { log: () => undefined } : context);
  const last = (): readonly string[] => (options.secret ? ["(its output is secret)"] : log.last);
  const files = await Console.open(context.buildout, stage, options.secret ? 0o600 : 0o644);
  try {
    const code = await runAttached(call.engine, container, {
      tty: false,
      ...(options.run === undefined ? {} : { stdin: Buffer.from(options.run) }),
      onOutput: async (output) => {
        log.write(output);
        await files.write(output);
      },
      ...(call.signal ? { signal: call.signal } : {}),
    }).finally(() => log.end());
    const printed = await files.end();
    const state = (await inspectContainer(call, container))?.State as { OOMKilled?: boolean } | undefined;
    const outOfMemory = state?.OOMKilled === true;
    if (printed.stdout === undefined)
      context.log(
        `it printed more than ${LONGEST_OUTPUT} bytes: too much for a variable, other stages find it in /out/${stage}`,
        "note",
      );
    return { stage, code, outOfMemory, memory: context.text("memory"), last: last(), ...printed };
  } catch (error) {
    await files.drop();
    if (call.signal?.aborted) throw lateFailure(call.signal.reason, last()) ?? error;
    throw (await neverStarted(call, container, error)) ? startFailure(stage, error) : error;
  }
}

/** Docker tells by its status that what is to be run is not there; podman has one status for everything. */
async function neverStarted(call: Call, container: string, error: unknown): Promise<boolean> {
  if (hasStatus(error, 400)) return true;
  if (!hasStatus(error, 500)) return false;
  const found = await inspectContainer(call, container).catch(() => undefined);
  return ["created", "initialized"].includes(found?.State.Status ?? "");
}
