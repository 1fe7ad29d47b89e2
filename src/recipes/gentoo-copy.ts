import { copyPath, DockerError } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import type { CopyLine } from "./gentoo-copy-lines.js";
import type { Work } from "./gentoo-exec.js";

interface Between {
  readonly from: Work;
  readonly to: Work;
  readonly paths: CopyLine;
  /** Nothing there is nothing to copy. */
  readonly optional: boolean;
  /** The option that asks for it. */
  readonly option: string;
}

/** Copies a path from one work container to the other, as its engine gives it. @throws RecipeError `copy/…` */
export async function copyBetween(
  context: Context,
  { from, to, paths, optional, option }: Between,
): Promise<void> {
  context.progress({ step: `copy ${paths.from}` });
  try {
    await copyPath({
      from: { kind: "container", engine: from.engine, container: from.name },
      to: { kind: "container", engine: to.engine, container: to.name },
      path: paths.from,
      target: paths.to,
      signal: context.signal,
    });
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const { problem } = error;
    if (optional && problem.code === "copy/no-such-path") return;
    if (problem.option !== "paths") throw error;
    throw new RecipeError({ ...problem, option }, { cause: error });
  }
}
