/** The further contexts of a build: images, folders of this machine, and what only the builder can look into. */
import { resolve } from "node:path";
import { imagesOf, type Dockerfile } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";
import { inHome } from "./build-options.js";
import { buildArgsOf, type BuildOptions } from "./build-spec.js";

type Placing = Pick<Context, "buildout" | "home">;

interface FurtherContexts {
  /** References. */
  readonly images: readonly string[];
  /** Name -> absolute path. */
  readonly folders: ReadonlyMap<string, string>;
}

export function furtherContexts(
  context: Placing,
  options: Pick<BuildOptions, "build-contexts">,
): FurtherContexts {
  const images: string[] = [];
  const folders = new Map<string, string>();
  for (const [name, where = ""] of options["build-contexts"]) {
    const [, image] = /^docker-image:\/\/(.+)$/.exec(where) ?? [];
    if (image !== undefined) images.push(image);
    else if (!isElsewhere(where)) folders.set(name, contextPath(context, where));
  }
  return { images, folders };
}

/** What may be the images that a build takes something from: those of its Dockerfile, and of its further contexts. */
export function imagesTaken(
  context: Placing & Pick<Context, "env">,
  options: Pick<BuildOptions, "build-args" | "build-contexts" | "target">,
  dockerfile: Dockerfile,
): readonly string[] {
  const contexts = options["build-contexts"].map(([name]) => name);
  const buildArgs = buildArgsOf(context, options);
  const images = imagesOf(dockerfile, { buildArgs, target: options.target, contexts });
  return [...images, ...furtherContexts(context, options).images];
}

/** What buildx is told: a folder's path starts at the buildout. */
export function contextPath({ buildout, home }: Placing, where: string): string {
  return isElsewhere(where) ? where : resolve(buildout.directory, inHome(where, { home }));
}

/** A URL, or a repository by ssh. */
function isElsewhere(where: string): boolean {
  return /^([a-z][\w+-]*:\/\/|[\w.-]+@)/i.test(where);
}
