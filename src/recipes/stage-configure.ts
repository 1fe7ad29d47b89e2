import { imageKey } from "tsbuildout/docker";
import type { ConfigureContext } from "tsbuildout/recipe";
import { configureEngine } from "./common.js";
import { configureEnv, VOLUME } from "./stage-env.js";
import { type MountScope, parseOutMount, parseStageMount, type StageMount } from "./stage-mounts.js";
import type { StageSchema } from "./stage-options.js";

/** What file systems allow, without `.err.new`. */
const LONGEST_NAME = 255 - 8;

/** Finds what a stage uses: the stages and parts that it comes after, and the values that run it again. */
export async function configureStage(context: ConfigureContext<StageSchema>): Promise<void> {
  configureEngine(context);
  const { options, part } = context;
  // What a stage prints is in files of its name, of `<name>.err`, and of both with `.new`: see Console.
  if (/\/|^\.\.?$|\.(err|new)$/.test(part) || Buffer.byteLength(part) > LONGEST_NAME)
    context.fail({
      code: "stage/name",
      message: `a stage cannot be called "${part}": its name is a folder's and a file's`,
      help: [`rename the section: no slash, no .err or .new at its end, at most ${LONGEST_NAME} bytes`],
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
  if (context.text("image") !== undefined)
    context.fail({
      code: "stage/no-image",
      message: `the image of stage ${part} is empty`,
      help: ["of a build with skip-pull refer to image: it has no image-id where the image is not fetched"],
      option: "image",
    });
  else
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

export type StageLines = ConfigureContext<StageSchema>["options"];

/** Everything that may be a section's name. */
function namesIn(options: StageLines): string[] {
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

/** What the lines of `vol` and `out-vol` are read against. */
export function scopeOf(
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

/** The lines of `output-files`. */
export function* outputFiles(lines: readonly string[]): Iterable<[name: string, path: string]> {
  for (const line of lines) {
    const [name = "", ...path] = line.split(/\s+/);
    yield [name, path.join(" ")];
  }
}
