import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, delimiter, dirname, join, relative, resolve } from "node:path";
import { parseEnv } from "node:util";
import { UsageError } from "../args.js";
import { EXIT, type Invocation } from "../command.js";
import { type Converted, KINDS } from "../init/cfg.js";
import { NEW_FILE } from "../init/new-file.js";
import { version } from "../version.js";

/** Writes a first buildout file, one made from another tool's file, or a recipe package. Never over what is there. */
export async function run(invocation: Invocation): Promise<number> {
  const { options, args } = invocation;
  const recipe = options.get("recipe");
  const from = options.get("from");
  if (recipe !== undefined) return await writePackage(invocation, recipe);
  if (from === undefined) {
    if (args.length > 0) throw new UsageError("init takes files only with --from");
    return await write(invocation, { text: NEW_FILE, notes: [] });
  }
  if (from === "compose") return await write(invocation, await compose(invocation));
  if (from === "dockercise") return await write(invocation, await dockercise(invocation));
  if (from === "ecr-docker-ci") return await write(invocation, await ecrDockerCi(invocation));
  throw new UsageError(`--from takes ${KINDS.slice(0, -1).join(", ")} or ${KINDS.at(-1)}, not "${from}"`, [
    "docs/migration-bake.md, docs/migration-terraform.md and their like say how others are written by hand",
  ]);
}

async function write({ io, globals }: Invocation, { text, notes }: Converted): Promise<number> {
  const isStandard = globals.config === "-";
  if (isStandard) io.out.write(text);
  else await writeNew(resolve(io.cwd, globals.config), text);
  for (const note of notes) io.err.write(`note: ${note}\n`);
  if (!isStandard) io.out.write(`${globals.config} written; tsbuildout plan shows what it would do\n`);
  return EXIT.done;
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw cannot("write", path, error);
    throw new UsageError(`${path} is there already`, ["remove it, or name another file with -c"]);
  }
}

function cannot(verb: string, path: string, error: unknown): UsageError {
  return new UsageError(
    `cannot ${verb} ${path}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`,
  );
}

async function read(io: Invocation["io"], file: string): Promise<string> {
  const path = resolve(io.cwd, file);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw cannot("read", path, error);
  }
}

/** The files that Compose itself looks for, in its order: one of its own, and one that is laid over it. */
const COMPOSE_FILES = [
  ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"],
  [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
  ],
];

async function compose({ args, io, globals }: Invocation): Promise<Converted> {
  if (args.length > 1) throw new UsageError("init --from compose takes one Compose file");
  const place = args[0] === undefined ? io.cwd : dirname(resolve(io.cwd, args[0]));
  const settings = join(place, ".env");
  const set = existsSync(settings) ? parseEnv(await read(io, settings)) : {};
  const variables = { ...set, ...io.env };
  const [file, ...others] = args[0] === undefined ? composeFiles(io.cwd, variables["COMPOSE_FILE"]) : args;
  if (file === undefined)
    throw new UsageError("there is no Compose file here", ["name it: tsbuildout init --from compose FILE"]);
  const { fromCompose } = await import("../init/compose.js");
  const text = await read(io, file);
  const from = dirname(resolve(io.cwd, file));
  const around = {
    folder: relative(dirname(resolve(io.cwd, globals.config)), from),
    projectName: variables["COMPOSE_PROJECT_NAME"] || undefined,
    profiles: variables["COMPOSE_PROFILES"]?.split(",") ?? [],
    settings: Object.keys(set),
    others,
  };
  const { text: made, notes } = await convert(file, () => fromCompose(text, projectOf(from), around));
  if (!made.includes("recipe ="))
    throw new UsageError(`there is no service in ${file}`, ["they stand below services:"]);
  const path = relative(io.cwd, settings);
  const note = `${path} is not read: set -a; . ./${path}; set +a before tsbuildout`;
  // Two databases on one volume would ruin it.
  const first = "docker compose down, without -v, before the first run: its containers hold the same volumes";
  return { text: made, notes: [...notes, ...(existsSync(settings) ? [note] : []), first] };
}

/** @param named `COMPOSE_FILE`: several are laid over each other */
function composeFiles(folder: string, named: string | undefined): string[] {
  if (named) return named.split(delimiter);
  const found = COMPOSE_FILES.map((names) => names.find((name) => existsSync(join(folder, name))));
  return found[0] === undefined ? [] : found.filter((name) => name !== undefined);
}

/** Compose calls a project after its folder, with what it does not allow left out. */
function projectOf(folder: string): string {
  const allowed = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "");
  return allowed.replace(/^[_-]+/, "");
}

const ECR_DOCKER_CI = ".ecr-docker-ci.yml";

async function ecrDockerCi({ args, io }: Invocation): Promise<Converted> {
  const [file = ECR_DOCKER_CI] = args;
  if (args.length > 1) throw new UsageError("init --from ecr-docker-ci takes one file");
  const { fromEcrDockerCi } = await import("../init/ecr-docker-ci.js");
  const text = await read(io, file);
  const converted = await convert(file, () => fromEcrDockerCi(text));
  if (converted.text.includes("recipe =")) return converted;
  throw new UsageError(`there is no action in ${file}`, [
    "the section Global names them: actions: [build, push, push_to_ecr]",
  ]);
}

async function dockercise(invocation: Invocation): Promise<Converted> {
  const { io } = invocation;
  const files = await stageFiles(invocation);
  const texts = await Promise.all(files.map((file) => read(io, file)));
  const [{ fromDockercise }, { printedBySubgraph }] = await Promise.all([
    import("../init/dockercise.js"),
    import("../init/subgraph.js"),
  ]);
  const subgraph = (image: string) => printedBySubgraph(invocation, image);
  const named = files.join(", ");
  const converted = await convert(named, () => fromDockercise(texts, subgraph));
  if (!converted.text.includes("recipe ="))
    throw new UsageError(`there is no stage in ${named}`, ["a stage is a name with img and run"]);
  return converted;
}

const STAGE_FILE = /\.(graphci|dockercise)\.ya?ml$/;

/** The files named; of a folder, and where none is named of the one that we are in, all that dockercise takes. */
async function stageFiles({ args, io }: Invocation): Promise<readonly string[]> {
  const files: string[] = [];
  for (const name of args.length > 0 ? args : ["."]) {
    const path = resolve(io.cwd, name);
    const found = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    files.push(...(found ? (await filesBelow(path)).map((file) => relative(io.cwd, file)) : [name]));
  }
  if (files.length > 0) return files;
  throw new UsageError("there are no *.graphci.yaml or *.dockercise.yaml files here", [
    "name the files of stages: tsbuildout init --from dockercise FILE ...",
  ]);
}

/** As dockercise looks for them: everywhere but in what npm installs, and in hidden folders. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of sorted) {
    const path = join(folder, entry.name);
    if (entry.isFile() && STAGE_FILE.test(entry.name)) found.push(path);
    else if (entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
      found.push(...(await filesBelow(path)));
  }
  return found;
}

/** YAML that cannot be read is the user's to mend; its parser says where. */
async function convert(file: string, work: () => Converted | Promise<Converted>): Promise<Converted> {
  try {
    return await work();
  } catch (error) {
    if ((error as Error).name !== "YAMLParseError") throw error;
    if ((error as { code?: string }).code === "MULTIPLE_DOCS")
      throw new UsageError(`${file} has several documents`, [
        "make one of them, as docker compose config does of a Compose file",
      ]);
    throw new UsageError(`${file} is no YAML: ${(error as Error).message.split("\n")[0]}`);
  }
}

async function writePackage({ io, args }: Invocation, name: string): Promise<number> {
  if (!/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(name))
    throw new UsageError(`"${name}" cannot be the name of a package`, [
      "use lower case letters, digits and dashes",
    ]);
  if (name.startsWith("docker."))
    throw new UsageError(`"${name}" cannot be the name of a package: docker.… are the built-in recipes`);
  if (args.length > 1) throw new UsageError("init --recipe takes one folder at most");
  const folder = resolve(io.cwd, args[0] ?? basename(name));
  const { recipePackage } = await import("../init/recipe-package.js");
  const files = Object.entries(recipePackage(name, version()));
  const taken = files.map(([path]) => join(folder, path)).find((path) => existsSync(path));
  if (taken !== undefined)
    throw new UsageError(`${taken} is there already`, ["name another folder behind the package's name"]);
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeNew(join(folder, path), text);
  }
  io.out.write(`${folder}: cd there, npm install, npm test\n`);
  return EXIT.done;
}
