/** From nothing to a container as asked for. */
import {
  createContainer,
  inspectContainer,
  isConflict,
  isNotFound,
  publishedPorts,
  runAttached,
  startContainer,
  waitContainer,
  type Call,
  type ContainerState,
} from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Resource } from "tsbuildout/recipe";
import { forgetListing, isOurs, labelsOf } from "./common.js";
import { proxiesFor } from "./proxies.js";
import { portOutput } from "./run-configure.js";
import { containerConfig, hasAliases } from "./run-create.js";
import { fileVariables } from "./run-env.js";
import { putLayout } from "./run-layout.js";
import { LineLog, Tail } from "./run-log.js";
import { nameTaken } from "./run-look.js";
import { joinNetwork, joinsAllAtOnce } from "./run-networks.js";
import type { RunOptions, RunSchema } from "./run-options.js";
import { ensureImage } from "./run-image.js";
import { startingWith } from "./run-ports.js";
import { runScript, ScriptFailed } from "./run-script.js";
import { securityConfig } from "./run-security.js";
import { keptMounts, keptVolumes, takeAway } from "./run-volumes.js";
import { waitUntil } from "./run-wait.js";

export type Installing = InstallContext<RunSchema>;

/** What a container that is waited for to its end leaves. */
export interface Ending {
  readonly code: number;
  readonly stdout: string;
}

/** How much of a container's standard output becomes an output, in bytes: it is kept in the installed-state file. */
const STDOUT_LIMIT = 65_536;

/** How long an engine may take to notice that a container has ended, in milliseconds. */
const ENDING_TIME = 5000;

/** Makes the container, its layout and its networks, starts it, runs its script, waits. -> the part's outputs */
export async function bringUp(
  context: Installing,
  call: Call,
  kept = keptVolumes(context.record),
): Promise<Record<string, string>> {
  const { options } = context;
  await ensureImage(context, call);
  warnOfLinks(context);
  warnOfOldEngine(context, call);
  await context.created({ kind: "container", name: options.name });
  const id = await create(context, call, kept);
  await forgetListing(context, call.engine, "containers");
  if (!joinsAllAtOnce(call))
    for (const network of options.networks.slice(1)) await joinNetwork(call, { network, options, id });
  await putLayout(context, call, id);
  const ending = options.start ? await launch(context, call, id) : undefined;
  return await outputsOf(context, call, { id, ending });
}

function warnOfLinks(context: Installing): void {
  const { links, networks } = context.options;
  if (links.length === 0 || networks.some(({ name }) => hasAliases(name))) return;
  context.warn({
    code: "container/legacy-links",
    message:
      "links on the default network are going away: their variables in engine 29, they themselves in 30",
    help: ["put both containers into a network of their own: there every container is known by its name"],
    option: "links",
  });
}

/** What an old engine passes over in silence. */
function warnOfOldEngine(context: Installing, call: Call): void {
  if (joinsAllAtOnce(call)) return;
  const { networks, "healthcheck-start-interval": interval } = context.options;
  const warn = (option: string, what: string): void =>
    context.warn({
      code: "option/no-effect",
      message: `this engine knows no ${what}`,
      notes: [`it speaks API ${call.engine.apiVersion}; 1.44 is needed`],
      option,
    });
  if (interval !== undefined) warn("healthcheck-start-interval", "start interval of health checks");
  if (networks.slice(1).some(({ mac }) => mac !== undefined))
    warn("networks", "mac= but for the first network");
}

async function create(context: Installing, call: Call, kept: readonly Resource[]): Promise<string> {
  const { options } = context;
  const files = await fileVariables(context, options["env-file"]);
  const creation = async (volumes: readonly Resource[]) => ({
    name: options.name,
    ...(options.platform ? { platform: options.platform } : {}),
    config: containerConfig(options, {
      kept: await keptMounts(context, call, volumes),
      proxies: await proxiesFor(context, call.engine),
      files,
      env: context.env,
      labels: labelsOf(context),
      isSet: (option) => context.text(option) !== undefined,
      security: await securityConfig(context, options["security-opt"], call.engine),
      allNetworks: joinsAllAtOnce(call),
    }),
  });
  const attempt = async (volumes: readonly Resource[]): Promise<string> => {
    const { id, warnings } = await createContainer(call, await creation(volumes));
    for (const message of warnings) context.warn({ code: "engine/warning", message });
    return id;
  };
  try {
    return await attempt(kept);
  } catch (error) {
    // Not only on 409: podman says 500 where the name is taken.
    if (!(error instanceof Error) || isNotFound(error)) throw error;
    return await attempt([...kept, ...(await clearName(context, call, error))]);
  }
}

/**
 * What is left of an earlier, broken run of this part goes; anybody else's container stays, and is an error.
 * @returns the volumes that it leaves
 */
async function clearName(context: Installing, call: Call, error: unknown): Promise<readonly Resource[]> {
  const { name } = context.options;
  const holder = await inspectContainer(call, name);
  if (!holder) throw error;
  if (!isOurs(holder.Config.Labels, context)) throw takenBy(name, holder);
  const leave = async (volume: Resource): Promise<void> => await context.created(volume);
  return await takeAway(call, holder, { record: context.record, leave });
}

export function takenBy(name: string, { Id, Config, State }: ContainerState): RecipeError {
  return nameTaken(name, { Id, Image: Config.Image, State: State.Status, Labels: Config.Labels ?? null });
}

/** Starts the container, runs the script, and waits as asked. */
export async function launch(context: Installing, call: Call, id: string): Promise<Ending | undefined> {
  const exit = context.options["wait-for"].find((one) => one.kind === "exit");
  if (exit) return await runToEnd(context, call, { id, codes: exit.codes });
  await start(context, call, id);
  await settle(context, call, id);
  await script(context, call, id);
  return undefined;
}

/** Waits for what the part says, an exit aside. */
export async function settle(context: Installing, call: Call, id: string): Promise<void> {
  const { name, "wait-for": conditions, "wait-timeout": timeout } = context.options;
  const waited = conditions.filter((condition) => condition.kind !== "exit");
  if (waited.length === 0) return;
  await context.waiting(async () => {
    for (const condition of waited)
      await waitUntil(context, call, { container: id, name, timeout, condition });
  });
}

export async function script(context: Installing, call: Call, id: string): Promise<void> {
  const { options } = context;
  if (!options.script) return;
  context.progress({ step: "script" });
  try {
    await runScript(context, call, {
      text: options.script,
      shell: options["script-shell"],
      user: options["script-user"],
      option: "script",
      name: options.name,
      container: id,
    });
  } catch (error) {
    throw await endedBefore(context, call, { id, error });
  }
}

/** A script fails in strange ways when its container ends: better said plainly. */
async function endedBefore(
  context: Installing,
  call: Call,
  { id, error }: { readonly id: string; readonly error: unknown },
): Promise<unknown> {
  if (call.signal?.aborted) return error;
  const look = async () => await inspectContainer(call, id).catch(() => undefined);
  let found = await look();
  // Of a container that ends just now an engine may still say that it runs.
  if (found?.State.Running && !found.State.Paused && meansItEnds(error)) {
    const signal = AbortSignal.timeout(ENDING_TIME);
    await waitContainer(call.engine, id, { signal }).catch(() => undefined);
    found = await look();
  }
  if (!found || found.State.Running) return error;
  return new RecipeError(
    {
      code: "container/exited",
      message: `container ${context.options.name} ended with exit code ${found.State.ExitCode} before its script did`,
      help: ["give it a command that goes on, such as sleep infinity"],
      option: "script",
    },
    { cause: error },
  );
}

/** Docker's for a process that could not begin, and that of one which was killed: all go with the container's first. */
const DYING: readonly number[] = [128, 137];

function meansItEnds(error: unknown): boolean {
  return isConflict(error) || (error instanceof ScriptFailed && DYING.includes(error.exitCode));
}

async function runToEnd(
  context: Installing,
  call: Call,
  { id, codes }: { readonly id: string; readonly codes: readonly number[] },
): Promise<Ending> {
  const { name, tty } = context.options;
  const log = new LineLog(context);
  const tail = new Tail(STDOUT_LIMIT);
  context.progress({ step: "running" });
  const notStarted = await startingWith(context, call);
  const code = await runAttached(call.engine, id, {
    tty,
    onOutput: (output) => {
      log.write(output);
      if (output.stream === "stdout") tail.write(output.data);
    },
    ...(call.signal ? { signal: call.signal } : {}),
  })
    .catch(async (error: unknown) => {
      throw await notStarted(error);
    })
    // What it waits for in vain may be said in a line without an end.
    .finally(() => log.end());
  const stdout = tail
    .bytes()
    .toString("utf8")
    .replace(/\r?\n$/, "");
  if (tail.cut)
    context.warn({ code: "container/long-output", message: `only the end of what ${name} wrote is kept` });
  if (codes.includes(code)) return { code, stdout };
  throw new RecipeError({
    code: "container/exited",
    message: `container ${name} ended with exit code ${code}`,
    notes: log.last.length > 0 ? [`its last lines were:\n${log.last.join("\n")}`] : ["it wrote nothing"],
    option: "command",
  });
}

export async function start(context: Installing, call: Call, id: string): Promise<void> {
  context.progress({ step: "starting" });
  const notStarted = await startingWith(context, call);
  try {
    await startContainer(call, id);
  } catch (error) {
    throw await notStarted(error);
  }
}

/** What other parts may refer to. */
export async function outputsOf(
  context: Installing,
  call: Call,
  { id, ending }: { readonly id: string; readonly ending?: Ending | undefined },
): Promise<Record<string, string>> {
  const state = await inspectContainer(call, id);
  const before = context.record?.outputs ?? {};
  return {
    "container-id": id,
    // auto-remove: it ended, and the engine has removed it.
    "image-id": state?.Image ?? before["image-id"] ?? "",
    ...addresses(state, context.options),
    ...portOutputs(state, context.options),
    "exit-code": ending ? String(ending.code) : (before["exit-code"] ?? ""),
    stdout: ending ? ending.stdout : (before["stdout"] ?? ""),
  };
}

function addresses(state: ContainerState | undefined, options: RunOptions): Record<string, string> {
  const joined = state?.NetworkSettings.Networks ?? {};
  const first = options.networks[0]?.name ?? Object.keys(joined)[0];
  const address = (name: string | undefined): string =>
    name === undefined ? "" : (joined[name]?.IPAddress ?? "");
  return {
    "ip-address": address(first) || (state?.NetworkSettings.IPAddress ?? ""),
    ...Object.fromEntries(options.networks.map(({ name }) => [`ip-address-${name}`, address(name)])),
  };
}

function portOutputs(state: ContainerState | undefined, options: RunOptions): Record<string, string> {
  const ports = state?.NetworkSettings.Ports ?? {};
  const one = options.ports
    .flat()
    .map(({ container, protocol }) => [
      portOutput(container, protocol),
      ports[`${container}/${protocol}`]?.[0]?.HostPort ?? "",
    ]);
  return { ports: publishedPorts(ports).join("\n"), ...Object.fromEntries(one) };
}
