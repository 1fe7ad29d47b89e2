import { join } from "node:path";
import {
  type Call,
  imageKey,
  inspectContainer,
  inspectVolume,
  removeContainer,
  removeVolume,
} from "tsbuildout/docker";
import {
  type ConfigureContext,
  defineRecipe,
  type Drift,
  type InputsContext,
  isFalse,
  isTrue,
  type InstallContext,
  type LookContext,
} from "tsbuildout/recipe";
import { configureEngine, engineOf, engineOfRecord, isOurs, listing } from "./common.js";
import { ensureImage, imageId } from "./run-image.js";
import { codeDigest, isNoCode } from "./stage-code.js";
import { consoleFolder, LONGEST_OUTPUT } from "./stage-console.js";
import { configureEnv, VOLUME } from "./stage-env.js";
import { stageFailure } from "./stage-failure.js";
import { copyFolder, copyVolume, digestFolder, readOutputFile } from "./stage-files.js";
import { fillHostFolders, hostFolders, isShared } from "./stage-host.js";
import { type MountScope, parseOutMount, parseStageMount, type StageMount } from "./stage-mounts.js";
import { stageOptions, type StageSchema } from "./stage-options.js";
import { publishOutputs } from "./stage-publish.js";
import { type Attempt, createStage, type Ended, runStage } from "./stage-run.js";
import { EMPTY_DIGEST, freshVolume, stageObject, volumeTime } from "./stage-volume.js";

export default defineRecipe({
  doc: "Runs a script in a container to its end. What it prints, its exit code, its files and its volume are there for the stages after it, which are found by what they use.",
  options: stageOptions,
  outputs: {
    stdout: {
      doc: `What it printed on standard output, trimmed, where that is at most ${LONGEST_OUTPUT} bytes.`,
    },
    "stdout-digest": { doc: "Digest of all that it printed on standard output." },
    "exit-code": { doc: "What it ended with: 0, unless it is set to never fail." },
    volume: { doc: "The volume at `/<stage>`, in which it leaves files for others." },
    "volume-digest": { doc: "Digest of what is in that volume." },
  },
  configure,
  inputs,
  look,
  install: run,
  update: run,
  async uninstall(context) {
    const call: Call = { engine: await engineOf(context), signal: context.signal };
    for (const { kind, name } of context.record.resources) {
      if (kind === "container" && isOurs((await inspectContainer(call, name))?.Config.Labels, context))
        await removeContainer(call, name);
      if (kind === "volume" && isOurs((await inspectVolume(call, name))?.Labels, context))
        await removeVolume(call, name);
    }
  },
});

async function configure(context: ConfigureContext<StageSchema>): Promise<void> {
  configureEngine(context);
  const { options, part } = context;
  if (part.includes("/"))
    context.fail({
      code: "stage/name",
      message: `a stage cannot be called "${part}": its name is a folder's and a file's`,
    });
  const recipes = await recipesOf(context, namesIn(options));
  const recipeOf = (section: string): string | undefined => recipes.get(section);
  if (options.image !== undefined) context.uses(imageKey(options.image), `image ${options.image}`);
  await configureEnv(context, recipeOf);
  await configureMounts(context, recipeOf);
  const how = { evenIfFailed: options.finally === true };
  for (const name of options.after ?? []) context.needs(name, "after", how);
  await configureAfter(context, options.finally === true);
  const secret = options.secret === true;
  if (secret) context.declareOutput("stdout", { doc: "What it printed.", secret });
  for (const [name, path] of outputFiles(options["output-files"] ?? []))
    context.declareOutput(name, { doc: `Content of ${path}.`, secret });
  refuseEmpty(context);
}

/** A stage finds what those before it printed in /out: what a stage that it names printed is something it uses. */
async function configureAfter(context: ConfigureContext<StageSchema>, last: boolean): Promise<void> {
  // One that runs in any case must not wait for a value that a failed stage does not give.
  if (last) return;
  for (const [name, recipe] of await recipesOf(context, context.options.after ?? [])) {
    const digest = recipe === "docker.stage" ? await context.reference(name, "stdout-digest") : undefined;
    if (digest) context.compute(`after.${name}`, digest.text, { inPlace: true });
  }
}

function refuseEmpty(context: ConfigureContext<StageSchema>): void {
  const { options, part, unknown } = context;
  if (options.image !== undefined || unknown.has("image")) return;
  const waits = (options.after ?? []).length + (options.env ?? []).length > 0;
  if (options.run === undefined && waits) return;
  context.fail({
    code: "stage/no-image",
    message:
      options.run === undefined
        ? `stage ${part} has no image, and waits for no other stage`
        : `stage ${part} has a script, but no image to run it in`,
    help: ["write image = …, or name the stages that it waits for with after = …"],
    option: "run",
  });
}

type Options = ConfigureContext<StageSchema>["options"];

/** Everything that may be a section's name. */
function namesIn(options: Options): string[] {
  const mounts = [...(options.vol ?? []), ...(options["out-vol"] ?? [])].map((line) => line.split(":")[0]!);
  return [...(options.env ?? []), ...mounts, ...(options.on === undefined ? [] : [options.on])];
}

async function recipesOf(
  context: ConfigureContext<StageSchema>,
  names: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of names) {
    if (!context.hasSection(name)) continue;
    const recipe = await context.option(name, "recipe");
    if (recipe !== undefined) found.set(name, recipe.replace(/^(tsbuildout|dockeroo):/, ""));
  }
  return found;
}

async function configureMounts(
  context: ConfigureContext<StageSchema>,
  recipeOf: (section: string) => string | undefined,
): Promise<void> {
  const { options } = context;
  const scope = scopeOf(context, recipeOf);
  for (const line of options.vol ?? []) {
    const mount = parseStageMount(line, scope);
    if (mount) await usePart(context, mount);
    else
      context.fail({
        code: "stage/no-volume",
        message: `"${line}" is neither a stage, nor a docker.volume part, nor a folder`,
        help: ["write the name of a stage or of a volume part, code, or /host/path:/path"],
        option: "vol",
      });
  }
  for (const line of options["out-vol"] ?? []) {
    const mount = parseOutMount(line, context.part, scope);
    if (mount) await usePart(context, mount);
    else
      context.fail({
        code: "stage/no-volume",
        message: `"${line}" is nothing that stage ${context.part} may write into`,
        help: [
          "write /path for its own volume, or the name of a docker.volume part",
          "another stage's volume is read with vol, and a copy of it written with on",
        ],
        option: "out-vol",
      });
  }
  if (options.on === undefined || options.on === "code") return;
  if (recipeOf(options.on) === "docker.stage")
    await usePart(context, { kind: "stage", stage: options.on, target: "" });
  else context.fail({ code: "stage/no-volume", message: `"${options.on}" is not a stage`, option: "on" });
}

function scopeOf(
  context: Pick<ConfigureContext<StageSchema>, "buildout" | "home">,
  recipeOf: (section: string) => string | undefined,
): MountScope {
  return { directory: context.buildout.directory, home: context.home, recipeOf };
}

/** The volume's name and content become computed options: a stage whose result is the same stops the chain here. */
async function usePart(context: ConfigureContext<StageSchema>, mount: StageMount): Promise<void> {
  const settings = { inPlace: true };
  if (mount.kind === "stage") {
    const digest = await context.reference(mount.stage, "volume-digest");
    if (digest) context.compute(VOLUME + mount.stage, digest.text, settings);
  }
  if (mount.kind === "volume") {
    const name = await context.reference(mount.part, "name");
    if (name) context.compute(VOLUME + mount.part, name.text, settings);
  }
}

function* outputFiles(lines: readonly string[]): Iterable<[name: string, path: string]> {
  for (const line of lines) {
    const [name = "", ...path] = line.split(/\s+/);
    yield [name, path.join(" ")];
  }
}

async function inputs(context: InputsContext<StageSchema>): Promise<Record<string, string>> {
  const { options } = context;
  if (options.image === undefined) return {};
  const call: Call = { engine: await engineOf(context), signal: context.signal };
  const image = await imageId({ ...context, options: { ...options, image: options.image } }, call);
  const code = usesCode(options) ? { code: await codeDigest(context, options.triggers) } : {};
  return { ...code, image };
}

function usesCode(options: Options): boolean {
  const lines = [...(options.vol ?? []), ...(options.on === undefined ? [] : [options.on])];
  return lines.some((line) => line.split(":")[0] === "code");
}

async function look(context: LookContext): Promise<Map<string, Drift[]>> {
  const drift = new Map<string, Drift[]>();
  for (const record of context.records) {
    const { always, finally: last, cache } = record.options;
    if (isTrue(always) || isTrue(last) || isFalse(cache))
      drift.set(record.part, [{ kind: "changed", message: "it runs at every install" }]);
    const volume = record.resources.find(({ kind }) => kind === "volume");
    if (!volume) continue;
    const engine = await engineOfRecord(context, record);
    const there = (await listing(context, engine, "volumes")).some(({ Name }) => Name === volume.name);
    if (!there) drift.set(record.part, [{ kind: "missing", message: `its volume ${volume.name} is gone` }]);
  }
  return drift;
}

async function run(context: InstallContext<StageSchema>): Promise<Record<string, string>> {
  const { options } = context;
  if (options.image === undefined)
    return { stdout: "", "stdout-digest": "", "exit-code": "0", volume: "", "volume-digest": "" };
  const engine = await engineOf(context);
  const call: Call = { engine, signal: context.signal };
  await ensureImage({ ...context, options: { ...options, image: options.image } }, call);
  await context.created({ kind: "file", name: join(consoleFolder(context.buildout), context.part) });
  await context.created({ kind: "file", name: `${join(consoleFolder(context.buildout), context.part)}.err` });
  for (let tried = 0; ; tried++) {
    const outcome = await attemptOnce(context, call);
    if ("outputs" in outcome) return outcome.outputs;
    if (tried >= options.retries) throw stageFailure(outcome.failed);
    context.log(
      `it failed (exit code ${outcome.failed.code}), try ${tried + 2} of ${options.retries + 1}`,
      "note",
    );
  }
}

type Outcome = { readonly outputs: Record<string, string> } | { readonly failed: Ended };

async function attemptOnce(context: InstallContext<StageSchema>, call: Call): Promise<Outcome> {
  const attempt = await prepare(context, call);
  const container = await createStage(attempt);
  try {
    if (!attempt.shared) await fillHostFolders(attempt, container);
    await fillOwnVolume(attempt, container);
    const before = attempt.startsEmpty ? await volumeTime(call, container, `/${context.part}`) : undefined;
    const ended = await runStage(attempt, container);
    if (ended.code !== 0 && !context.options["never-fail"]) return { failed: ended };
    await publishOutputs(context, call, { container, directory: workingDirectory(context) });
    const digest = await digestVolume(attempt, container, before);
    return { outputs: await outputsOf(attempt, { container, ended, digest }) };
  } finally {
    // Also after Ctrl-C: the part's signal would forbid it.
    await removeContainer({ engine: call.engine }, container);
    await context.removed({ kind: "container", name: stageObject(context.buildout.id, context.part) });
  }
}

async function prepare(context: InstallContext<StageSchema>, call: Call): Promise<Attempt> {
  const { options, buildout } = context;
  const volumes = new Map<string, string>();
  const recipeOf = (section: string): string | undefined => {
    const computed = context.text(VOLUME + section);
    if (computed === undefined) return undefined;
    return /^(sha256:|$)/.test(computed) ? "docker.stage" : "docker.volume";
  };
  const scope = scopeOf(context, recipeOf);
  const read = options.vol.flatMap((line) => parseStageMount(line, scope) ?? []);
  const written = options["out-vol"].flatMap((line) => parseOutMount(line, context.part, scope) ?? []);
  const mounts = [
    ...read,
    ...written.filter(({ kind, target }) => kind !== "own" || target !== `/${context.part}`),
  ];
  for (const mount of mounts) {
    if (mount.kind === "stage") volumes.set(mount.stage, stageObject(buildout.id, mount.stage));
    if (mount.kind === "volume") volumes.set(mount.part, context.text(VOLUME + mount.part) ?? "");
  }
  const host = hostFolders(context, mounts);
  const shared = await isShared(context, call.engine);
  const { name: volume, made } = await freshVolume(context, call);
  const startsEmpty = made && options.on === undefined;
  return { context, call, mounts, volumes, host, shared, volume, startsEmpty };
}

async function fillOwnVolume({ context, call }: Attempt, container: string): Promise<void> {
  const { on } = context.options;
  const target = { container, path: `/${context.part}` };
  if (on === "code") await copyFolder(call, context.buildout.directory, { ...target, without: isNoCode });
  else if (on !== undefined)
    await copyVolume(context, call, { from: stageObject(context.buildout.id, on), ...target });
}

/** Most stages leave nothing, and an engine takes its time to make an archive: a volume that was empty and has not
 *  been touched since is not read. */
async function digestVolume(
  { context, call }: Attempt,
  container: string,
  before: string | undefined,
): Promise<string> {
  const path = `/${context.part}`;
  if (before !== undefined && before === (await volumeTime(call, container, path))) return EMPTY_DIGEST;
  return await digestFolder(call, container, path);
}

interface Result {
  readonly container: string;
  readonly ended: Ended;
  /** Of the volume. */
  readonly digest: string;
}

async function outputsOf(
  attempt: Attempt,
  { container, ended, digest }: Result,
): Promise<Record<string, string>> {
  const { context, call, volume } = attempt;
  const files: Record<string, string> = {};
  for (const [name, path] of outputFiles(context.options["output-files"]))
    files[name] = await readOutputFile(call, { container, path, directory: workingDirectory(context) });
  if (context.options.secret)
    for (const text of [ended.stdout ?? "", ...Object.values(files)]) context.secret(text);
  return {
    ...(ended.stdout === undefined ? {} : { stdout: ended.stdout }),
    "stdout-digest": ended.digest,
    "exit-code": String(ended.code),
    volume,
    "volume-digest": digest,
    ...files,
  };
}

function workingDirectory({ options, part }: InstallContext<StageSchema>): string {
  return options.dir ?? (options.on === undefined ? "/" : `/${part}`);
}
