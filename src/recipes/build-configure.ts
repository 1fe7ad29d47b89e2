import { join, resolve } from "node:path";
import { imageKey, parseDockerfile, parseSource, readPlainFile } from "tsbuildout/docker";
import type { ConfigureContext } from "tsbuildout/recipe";
import { furtherContexts, imagesTaken } from "./build-contexts.js";
import { referencesOf } from "./build-names.js";
import { namesInEngine } from "./build-output.js";
import type { buildOptions } from "./build-options.js";
import { specOf, type BuildOptions } from "./build-spec.js";
import { configureEngine, type Makers, makersOf, otherMaker, problemsOf } from "./common.js";

type Configure = ConfigureContext<typeof buildOptions>;

/** Checks what can be checked before anything is built, and finds the parts whose images this one is built from. */
export async function configureBuild(context: Configure): Promise<void> {
  configureEngine(context);
  checkTogether(context);
  if (!knows(context, "name", "tag", "tags", "output")) return;
  const { options } = context as { options: BuildOptions };
  const makers = await makersOf(context);
  problemsOf(context, () => {
    // Whatever becomes of them, they are to be names.
    referencesOf(options);
    for (const reference of namesInEngine(options)) {
      context.provides(imageKey(reference));
      refuseTwice(context, makers, reference);
    }
  });
  if (context.unknown.size === 0) problemsOf(context, () => specOf(context, options));
  await useBases(context, options);
}

/** Two parts that build under one name take it from each other at every run. */
function refuseTwice(context: Configure, makers: Makers, reference: string): void {
  const other = otherMaker(context, makers, imageKey(reference));
  if (other === undefined) return;
  context.fail({
    code: "build/name-twice",
    message: `${reference} is built by the part ${other}, too`,
    help: ["give one of them another name or tag"],
    option: "name",
  });
}

function knows({ unknown }: Configure, ...names: string[]): boolean {
  return names.every((name) => !unknown.has(name));
}

function checkTogether(context: Configure): void {
  const { dockerfile, "dockerfile-inline": inline } = context.options;
  if (!dockerfile || !inline) return;
  context.fail({
    code: "option/conflict",
    message: "dockerfile and dockerfile-inline both say what the Dockerfile is",
    help: ["give one of them"],
    option: "dockerfile",
  });
}

/** `FROM app:1` makes this part need the part that builds app:1. A Dockerfile that is not there (yet) needs nothing. */
async function useBases(context: Configure, options: BuildOptions): Promise<void> {
  if (!knows(context, "source", "dockerfile", "dockerfile-inline", "target", "build-args", "build-contexts"))
    return;
  const text = await dockerfileText(context, options);
  if (text === undefined) return;
  const instead = furtherContexts(context, options).images;
  for (const image of imagesTaken(context, options, parseDockerfile(text))) {
    try {
      const whose = instead.includes(image) ? "a context of its build is" : "its Dockerfile takes";
      context.uses(imageKey(image), `${whose} ${image}`);
    } catch {
      // What is no reference is for the builder to complain of, with its line.
    }
  }
}

async function dockerfileText(context: Configure, options: BuildOptions): Promise<string | undefined> {
  const { "dockerfile-inline": inline, dockerfile = "Dockerfile", source = "." } = options;
  if (inline !== undefined) return options["custom-context"] ? undefined : inline;
  const parsed = parseSource(source, context.buildout.directory);
  if (parsed.kind !== "local") return undefined;
  const content = await readPlainFile(resolve(join(parsed.path, "."), dockerfile)).catch(() => undefined);
  return content?.toString();
}
