import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { DigestCache, digestTree, walkTree } from "tsbuildout/docker";
import { globMatcher, type Context, type InputsContext } from "tsbuildout/recipe";
import { ownPaths } from "./own-state.js";
import type { StageSchema } from "./stage-options.js";

/** Tells paths below the buildout's folder that tsbuildout keeps there. */
export function ownFiles(context: Pick<Context, "buildout">): (path: string) => boolean {
  const own = new Set(ownPaths(context).map((path) => relative(context.buildout.directory, path)));
  return (path) => own.has(path);
}

/** What tsbuildout and git keep in the buildout's folder is no code. */
export function noCode(context: Pick<Context, "buildout">): (path: string) => boolean {
  const isOwn = ownFiles(context);
  return (path) => path === ".git" || isOwn(path);
}

/** Digest of the buildout's folder as a stage sees it; with triggers, of the files that they match. One a run and set
 *  of triggers, and only what changed since the last run is read. */
export async function codeDigest(
  context: InputsContext<StageSchema>,
  triggers: readonly string[],
): Promise<string> {
  return await context.shared(`stage code ${JSON.stringify(triggers)}`, async (signal) => {
    const { directory, cacheDirectory } = context.buildout;
    const fits = await globMatcher(triggers);
    const isNoCode = noCode(context);
    const entries = await walkTree(directory, {
      signal,
      choose: (path, folder) => {
        const own = isNoCode(path);
        const take = !own && (triggers.length === 0 || (!folder && fits(path)));
        return { take, enter: !own };
      },
    });
    const cache = await DigestCache.open(join(cacheDirectory, "digests", `code-${triggersId(triggers)}`));
    const digest = await digestTree(directory, entries, { cache, owners: false, signal });
    await cache.save();
    return digest;
  });
}

/** A cache forgets what it was not asked for, so that each set of triggers has its own. */
function triggersId(triggers: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(triggers)).digest("hex").slice(0, 12);
}
