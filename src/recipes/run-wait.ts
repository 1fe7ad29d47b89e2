import { setTimeout as delay } from "node:timers/promises";
import {
  containerLogs,
  execInContainer,
  inspectContainer,
  type Call,
  type ContainerState,
  type Engine,
} from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { LineLog } from "./run-log.js";
import type { WaitFor } from "./wait-for.js";

/** Everything but an exit: that is waited for by whoever started the container. */
export type Condition = Exclude<WaitFor, { kind: "exit" }>;

export interface Waiting {
  /** Id or name. */
  readonly container: string;
  /** For messages. */
  readonly name: string;
  /** Milliseconds. */
  readonly timeout: number;
}

const FIRST_PAUSE = 50;
const LAST_PAUSE = 1000;
/** 25 days. Node's timers count whole milliseconds, and one that is set to more ends at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * Waits until the condition holds.
 * @throws RecipeError `container/exited`, `container/unhealthy`, `container/no-healthcheck`, `container/wait-timeout`
 */
export async function waitUntil(
  context: Context,
  call: Call,
  to: Waiting & { condition: Condition },
): Promise<void> {
  const { condition, timeout } = to;
  const end = AbortSignal.timeout(Math.min(Math.ceil(timeout), LONGEST));
  const signal = call.signal ? AbortSignal.any([call.signal, end]) : end;
  context.progress({ step: `waiting for it to ${what(condition)}` });
  try {
    if (condition.kind === "healthy") await healthy({ ...call, signal }, to);
    else if (condition.kind === "port") await port({ ...call, signal }, to, condition);
    else await logLine({ ...call, signal }, to, condition.pattern);
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = `container ${to.name} did not come to ${what(condition)}`;
    const over: unknown = call.signal?.reason;
    // The part's own timeout may be the shorter one; whoever interrupts a run does not ask for reasons.
    if (!(over instanceof RecipeError)) call.signal?.throwIfAborted();
    const notes = await obstacles(call.engine, to.container);
    if (over instanceof RecipeError)
      throw new RecipeError({ ...over.problem, notes: [message, ...notes] }, { cause: over });
    throw new RecipeError({
      code: "container/wait-timeout",
      message: `${message} within ${timeout / 1000} s`,
      notes,
      option: "wait-for",
    });
  }
}

function what(condition: Condition): string {
  if (condition.kind === "healthy") return "be healthy";
  if (condition.kind === "port") return `listen on port ${condition.port}/${condition.protocol}`;
  return `log ${String(condition.pattern)}`;
}

/** Asks again and again, more slowly as time goes by. */
async function poll(signal: AbortSignal, ask: () => Promise<boolean>): Promise<void> {
  for (let pause = FIRST_PAUSE; !(await ask()); pause = Math.min(pause * 1.5, LAST_PAUSE))
    await delay(pause, undefined, { signal });
}

type Live = Call & { readonly signal: AbortSignal };

/** The container as it is; one that has ended will not come to anything any more. */
async function alive(call: Live, to: Waiting & { condition: Condition }): Promise<ContainerState> {
  const state = await inspectContainer(call, to.container);
  if (state && (state.State.Running || state.State.Restarting || isRestarted(state))) return state;
  const how = state ? `ended with exit code ${state.State.ExitCode}` : "is gone";
  throw new RecipeError({
    code: "container/exited",
    message: `container ${to.name} ${how} before it came to ${what(to.condition)}`,
    notes: await lastLines(call.engine, to.container),
    option: "wait-for",
  });
}

/** Podman says of a container between two starts that it has ended, as if it were for good. */
function isRestarted({ HostConfig }: ContainerState): boolean {
  return ["always", "unless-stopped"].includes(HostConfig.RestartPolicy?.Name ?? "");
}

async function healthy(call: Live, to: Waiting & { condition: Condition }): Promise<void> {
  await poll(call.signal, async () => {
    const { State, Config } = await alive(call, to);
    const { Health } = State;
    const test = Config.Healthcheck?.Test?.[0];
    if (!Health && (test === undefined || test === "NONE"))
      throw new RecipeError({
        code: "container/no-healthcheck",
        message: `container ${to.name} has no health check, so that it never will be healthy`,
        help: ["add healthcheck-command, or wait for something else"],
        option: "wait-for",
      });
    if (Health?.Status === "starting") await checkIfDue(call, to, { State, Config });
    if (Health?.Status !== "unhealthy") return Health?.Status === "healthy";
    const last = Health.Log?.at(-1);
    const said = last?.Output.trim();
    throw new RecipeError({
      code: "container/unhealthy",
      message: `container ${to.name} is unhealthy`,
      notes: [
        ...(last ? [`its last check ended with exit code ${last.ExitCode}${said ? `:\n${said}` : ""}`] : []),
        ...(await lastLines(call.engine, to.container)),
      ],
      option: "wait-for",
    });
  });
}

/** Docker's own pause between checks, where the container has none, in nanoseconds. */
const CHECK_INTERVAL = 30e9;

/** Podman leaves health checks to systemd's timers. Where none has checked when it was due, podman is told to. */
async function checkIfDue(
  call: Live,
  { container }: Waiting,
  { State, Config }: Pick<ContainerState, "State" | "Config">,
): Promise<void> {
  if (!call.engine.libpod) return;
  const last = Date.parse(State.Health?.Log?.at(-1)?.Start ?? State.StartedAt);
  if (Date.now() < last + (Config.Healthcheck?.Interval || CHECK_INTERVAL) / 1e6) return;
  const path = `/libpod/containers/${encodeURIComponent(container)}/healthcheck`;
  await call.engine.request({ path, signal: call.signal });
}

async function logLine(call: Live, to: Waiting & { condition: Condition }, pattern: RegExp): Promise<void> {
  await poll(call.signal, async () => {
    const { State, Config } = await alive(call, to);
    // What an earlier life of the container wrote does not count. StartedAt would not do: the engine takes it after
    // the process may have written already.
    const since = (Date.parse(State.FinishedAt) + 1) / 1000;
    let found = false;
    const lines = new LineLog({ log: (line) => void (found ||= pattern.test(line)) });
    const options = {
      follow: true,
      tty: Config.Tty ?? false,
      signal: call.signal,
      ...(since > 0 ? { since } : {}),
    };
    for await (const output of containerLogs(call.engine, to.container, options)) {
      lines.write(output);
      if (found) return true;
    }
    lines.end();
    return found;
  });
}

async function port(
  call: Live,
  to: Waiting & { condition: Condition },
  wanted: { readonly port: number; readonly protocol: "tcp" | "udp" },
): Promise<void> {
  let failed = false;
  await poll(call.signal, async () => {
    const { State } = await alive(call, to);
    if (!State.Running || State.Restarting) return false;
    try {
      const listening = await listeners(call, to, wanted.protocol);
      failed = false;
      return listening.has(wanted.port);
    } catch (error) {
      call.signal.throwIfAborted();
      // It may have ended meanwhile, which the next look will tell.
      if (failed) throw error;
      failed = true;
      return false;
    }
  });
}

/** The ports on which something listens in the container, as its kernel tells. */
async function listeners(call: Live, to: Waiting, protocol: "tcp" | "udp"): Promise<ReadonlySet<number>> {
  const chunks: Buffer[] = [];
  const code = await execInContainer(call.engine, to.container, {
    cmd: ["cat", `/proc/net/${protocol}`, `/proc/net/${protocol}6`],
    onOutput: ({ stream, data }) => void (stream === "stdout" && chunks.push(data)),
    signal: call.signal,
  });
  // A kernel without IPv6 lacks the second file; without the program there is no table at all.
  if (code === 126 || code === 127)
    throw new RecipeError({
      code: "container/cannot-look",
      message: `container ${to.name} has no program "cat" to look for open ports with`,
      help: ["wait for a line of its log, or give it a health check"],
      option: "wait-for",
    });
  return listeningPorts(Buffer.concat(chunks).toString("latin1"), protocol);
}

/** Reads /proc/net/tcp and its like (proc(5)): the local port is hexadecimal, state 0A listens; udp is there or not. */
export function listeningPorts(table: string, protocol: "tcp" | "udp"): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const [, port = "", state] of table.matchAll(
    /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2})/gm,
  ))
    if (protocol === "udp" || state === "0A") ports.add(Number.parseInt(port, 16));
  return ports;
}

/** How long an engine may take to tell what a container did, in milliseconds. */
const LOOK_TIME = 5000;

/** What keeps a container that has not ended from coming to anything, and the end of its log. */
async function obstacles(engine: Engine, container: string): Promise<string[]> {
  const signal = AbortSignal.timeout(LOOK_TIME);
  const is = await inspectContainer({ engine, signal }, container).catch(() => undefined);
  const { RestartCount: restarts = 0, State: { Paused = false, Restarting = false, ExitCode = 0 } = {} } =
    is ?? {};
  const times = restarts === 1 ? "once" : `${restarts} times`;
  return [
    ...(Paused ? ["it is paused"] : []),
    ...(restarts > 0
      ? [`it was restarted ${times}${Restarting ? `; its last exit code is ${ExitCode}` : ""}`]
      : []),
    ...(await lastLines(engine, container)),
  ];
}

/** The end of the container's log, as a note. */
async function lastLines(engine: Engine, container: string): Promise<string[]> {
  const log = new LineLog({ log: () => undefined });
  try {
    const signal = AbortSignal.timeout(LOOK_TIME);
    for await (const output of containerLogs(engine, container, { tail: 20, signal })) log.write(output);
    log.end();
  } catch {
    // Gone, or a log driver that cannot be read: the problem is told without.
  }
  return log.last.length > 0 ? [`the last lines of its log:\n${log.last.join("\n")}`] : [];
}
