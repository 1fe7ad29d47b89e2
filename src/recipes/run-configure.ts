import { imageKey } from "tsbuildout/docker";
import type { ConfigureContext, Problem } from "tsbuildout/recipe";
import { configureEngine, type Makers, makersOf, otherMaker } from "./common.js";
import { checkName } from "./names.js";
import { environment, hasAliases } from "./run-create.js";
import { ENV_FILE_OPTION, fileVariables } from "./run-env.js";
import { isId } from "./run-image.js";
import type { RunOptions, RunSchema } from "./run-options.js";

type Configuring = ConfigureContext<RunSchema>;
type Known = Partial<RunOptions>;

/** The option under which values that come from the environment count: a changed one makes a new container. */
export const ENV_OPTION = "env-from-environment";

/** Checks what can be checked without an engine, and says what the container makes and uses. */
export async function configureRun(context: Configuring): Promise<void> {
  configureEngine(context);
  const { options } = context;
  if (options.name !== undefined) {
    checkName(context, "container", options.name);
    context.provides(`container:${options.name}`);
    refuseTwice(context, options.name, await makersOf(context));
  }
  usesImage(context, options.image);
  usesNetworks(context, options);
  usesVolumes(context, options);
  usesContainers(context, options);
  environmentOption(context, options);
  await environmentFiles(context, options);
  declareOutputs(context, options);
  for (const problem of [...mistakes(options), ...waitMistakes(options)]) context.fail(problem);
}

function refuseTwice(context: Configuring, name: string, makers: Makers): void {
  const other = otherMaker(context, makers, `container:${name}`);
  if (other === undefined) return;
  context.fail({
    code: "container/name-twice",
    message: `${name} is the container of the part ${other}, too`,
    help: ["give one of them another name"],
    option: "name",
  });
}

function usesImage(context: Configuring, image: string | undefined): void {
  if (image === undefined || isId(image)) return;
  try {
    context.uses(imageKey(image), "image");
  } catch (error) {
    const { message } = error as Error;
    context.fail({ code: "option/value", message, option: "image" });
  }
}

function usesNetworks(context: Configuring, options: Known): void {
  for (const { name } of options.networks ?? []) context.uses(`network:${name}`, "networks");
  const mode = options["network-mode"];
  if (mode && !mode.startsWith("container:") && hasAliases(mode))
    context.uses(`network:${mode}`, "network-mode");
}

function usesVolumes(context: Configuring, options: Known): void {
  for (const volume of options.volumes ?? [])
    if (volume.kind === "volume") context.uses(`volume:${volume.source}`, "volumes");
  for (const { Type, Source } of options.mounts ?? []) {
    if (Type === "volume" && Source) context.uses(`volume:${Source}`, "mounts");
    if (Type === "image" && Source) context.uses(imageKey(Source), "mounts");
  }
}

function usesContainers(context: Configuring, options: Known): void {
  for (const { name, option } of otherContainers(options)) context.uses(`container:${name}`, option);
}

/** The containers by which this one lives: with a new one of the name it must be made anew. */
export function otherContainers(
  options: Known,
): { readonly name: string; readonly option: string; readonly bound: boolean }[] {
  const modes = (["network-mode", "ipc", "pid"] as const).flatMap((option) => {
    const name = /^container:(.+)$/.exec(options[option] ?? "")?.[1];
    return name ? [{ name, option, bound: true }] : [];
  });
  const from = (options["volumes-from"] ?? []).map((text) => ({
    name: text.split(":")[0] ?? text,
    option: "volumes-from",
    bound: true,
  }));
  const links = (options.links ?? []).map(({ container }) => ({
    name: container,
    option: "links",
    // On networks of one's own a link is only a name, which is looked up when it is used.
    bound: (options.networks ?? []).length === 0,
  }));
  return [...modes, ...from, ...links];
}

/** Variables whose values must not appear in what the container writes. */
const SECRET_NAME = /pass|secret|token|key|credential|auth/i;

function environmentOption(context: Configuring, options: Known): void {
  const bare = (options.env ?? []).filter(([, value]) => value === undefined);
  for (const [name] of bare) {
    const value = context.env[name];
    // Not every variable: with HOME or LANG kept secret, a log could not be read any more.
    if (value && SECRET_NAME.test(name)) context.secret(value);
  }
  if (bare.length > 0)
    context.compute(ENV_OPTION, environment(bare, context.env).join("\n"), { secret: true });
}

async function environmentFiles(context: Configuring, options: Known): Promise<void> {
  const variables = await fileVariables(context, options["env-file"] ?? []);
  for (const [name, value] of variables) if (SECRET_NAME.test(name)) context.secret(value);
  if (variables.length > 0) context.compute(ENV_FILE_OPTION, JSON.stringify(variables), { secret: true });
}

function declareOutputs(context: Configuring, options: Known): void {
  for (const { name } of options.networks ?? [])
    context.declareOutput(`ip-address-${name}`, { doc: `Its address in the network ${name}.` });
  for (const { container, protocol } of (options.ports ?? []).flat())
    context.declareOutput(portOutput(container, protocol), {
      doc: `The host's port that leads to ${container}/${protocol}.`,
    });
}

function mistakes(options: Known): Problem[] {
  const found: Problem[] = [];
  const add = (option: string, message: string): void =>
    void found.push({ code: "option/value", message, option });
  const networks = options.networks ?? [];
  if (networks.some(({ name }) => name === "default"))
    add("networks", "default is no network's name: leave networks out, or write bridge");
  if (networks.length > 0 && options["network-mode"])
    add("network-mode", "network-mode and networks exclude each other");
  if (
    options["network-aliases"]?.length &&
    options.networks &&
    !networks.some(({ name }) => hasAliases(name))
  )
    add("network-aliases", "network-aliases need networks: the default network knows no aliases");
  if (options["auto-remove"] && options.restart && options.restart.Name !== "no")
    add("restart", "auto-remove and a restart policy exclude each other");
  if (options["read-only"] && options.layout)
    add("layout", "a layout cannot be copied onto a read-only root");
  if (options["memory-swap"] !== undefined && options.memory === undefined && options["memory-swap"] > 0)
    add("memory-swap", "memory-swap needs memory");
  for (const [name, value] of options.sysctls ?? [])
    if (value === undefined) add("sysctls", `${name} has no value`);
  if (options.pid !== undefined && !/^(host|container:.+)$/.test(options.pid))
    add("pid", `"${options.pid}" is neither host nor container:NAME`);
  for (const [option, names] of repeated(options)) add(option, `${names} is given twice`);
  return found;
}

/** Networks, mount points and the like that stand there twice, which an engine reports late or not at all. */
function repeated(options: Known): [option: string, name: string][] {
  const targets = [
    ...(options.volumes ?? []).map(({ target }) => target),
    ...(options.mounts ?? []).map(({ Target }) => Target),
    ...(options.tmpfs ?? []).map(([path]) => path),
  ].map((path) => path.replace(/(?<=.)\/+$/, ""));
  return [
    ...twice((options.networks ?? []).map(({ name }) => name)).map((name): [string, string] => [
      "networks",
      name,
    ]),
    ...twice(targets).map((path): [string, string] => ["volumes", path]),
  ];
}

function twice(names: readonly string[]): string[] {
  return names.filter((name, i) => names.indexOf(name) !== i);
}

function waitMistakes(options: Known): Problem[] {
  const { start, script, "wait-for": waits = [] } = options;
  const toEnd = waits.some(({ kind }) => kind === "exit");
  const found: Problem[] = [];
  const add = (option: string, message: string): void =>
    void found.push({ code: "option/value", message, option });
  if (start === false && script) add("script", "a script needs a container that runs, and start = false");
  if (start === false && waits.length > 0) add("wait-for", "there is nothing to wait for with start = false");
  if (options["log-driver"] === "none" && waits.some(({ kind }) => kind === "log"))
    add("wait-for", "there is no log to wait for with log-driver = none");
  if (toEnd && script)
    add("script", "a script needs a container that runs on, and wait-for = exit waits for its end");
  if (toEnd && waits.length > 1) add("wait-for", "exit can be waited for alone");
  if (toEnd && options.restart && options.restart.Name !== "no" && options.restart.Name !== "on-failure")
    add("wait-for", `a container with restart = ${options.restart.Name} does not end`);
  return found;
}

/** `port-80`, `port-53-udp`. */
export function portOutput(container: number, protocol: string): string {
  return protocol === "tcp" ? `port-${container}` : `port-${container}-${protocol}`;
}
