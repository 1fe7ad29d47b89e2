import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Call, inspectContainer, inspectVolume, removeContainer } from "tsbuildout/docker";
import {
  defineRecipe,
  type Drift,
  type InputsContext,
  isFalse,
  isTrue,
  type InstallContext,
  type LookContext,
} from "tsbuildout/recipe";
import { engineOf, engineOfRecord, isOurs, listing } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { ensureImage, imageId } from "./run-image.js";
import { securityInputs } from "./run-security.js";
import { codeDigest, noCode } from "./stage-code.js";
import { consoleFolder, LONGEST_OUTPUT } from "./stage-console.js";
import { configureStage, outputFiles, scopeOf, type StageLines } from "./stage-configure.js";
import { VOLUME } from "./stage-env.js";
import { stageFailure } from "./stage-failure.js";
import { copyFolder, copyVolume, digestFolder, readOutputFile } from "./stage-files.js";
import { fillHostFolders, hostFolders, isShared } from "./stage-host.js";
import { parseOutMount, parseStageMount } from "./stage-mounts.js";
import { stageOptions, type StageSchema } from "./stage-options.js";
import { publishOutputs } from "./stage-publish.js";
import { type Attempt, createStage, type Ended, runStage } from "./stage-run.js";
import { EMPTY_DIGEST, freshVolume, removeStageVolume, stageObject, volumeTime } from "./stage-volume.js";

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
  configure: configureStage,
  inputs,
  check: async (context) => await refuseDeadEnd(context),
  look,
  install: run,
  update: run,
  async uninstall(context) {
    const call: Call = { engine: await engineOf(context), signal: context.signal };
    // A killed run leaves a container that holds the volume: what was made last goes first.
    for (const { kind, name } of [...context.record.resources].reverse()) {
      if (kind === "container" && isOurs((await inspectContainer(call, name))?.Config.Labels, context))
        await removeContainer(call, name);
      if (kind === "volume" && isOurs((await inspectVolume(call, name))?.Labels, context))
        await removeStageVolume(context, call, name);
    }
  },
});

async function inputs(context: InputsContext<StageSchema>): Promise<Record<string, string>> {
  const { options } = context;
  if (options.image === undefined) return {};
  const call: Call = { engine: await engineOf(context), signal: context.signal };
  const image = await imageId({ ...context, options: { ...options, image: options.image } }, call);
  const code = usesCode(options) ? { code: await codeDigest(context, options.triggers) } : {};
  return { ...code, image, ...(await securityInputs(context, options["security-opt"])) };
}

function usesCode(options: StageLines): boolean {
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
  const console = consoleFolder(context.buildout);
  await context.created({ kind: "file", name: join(console, context.part) });
  await context.created({ kind: "file", name: `${join(console, context.part)}.err` });
  // An engine would make what it is to mount as root's.
  await mkdir(console, { recursive: true });
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
  if (on === "code")
    await copyFolder(call, context.buildout.directory, { ...target, without: noCode(context) });
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
