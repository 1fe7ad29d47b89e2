/** What the Gentoo recipes read that is not an option. */
import { openLayout, type Engine } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";
import { about } from "./blame.js";
import { cacheFile } from "./cache-file.js";

export interface LayoutOf {
  readonly layout: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

function owners({ uid, gid }: LayoutOf): { uid?: number; gid?: number } {
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

/** The content of a layout folder as an input called like its option. */
export async function layoutInput(
  context: Context,
  what: LayoutOf,
  name = "layout",
): Promise<Record<string, string>> {
  const { layout } = what;
  if (layout === undefined) return {};
  const stamps = cacheFile(context, "layouts", layout);
  const open = async () => await openLayout(layout, { ...owners(what), signal: context.signal });
  return { [name]: await about(name, async () => await (await open()).digest(stamps)) };
}

/** Lays a folder over a container's root. */
export async function putLayout(
  context: Context,
  { engine, name }: { readonly engine: Engine; readonly name: string },
  what: LayoutOf,
): Promise<void> {
  if (what.layout === undefined) return;
  context.progress({ step: "layout" });
  const layout = await openLayout(what.layout, { ...owners(what), signal: context.signal });
  await layout.copyTo(engine, name);
}
