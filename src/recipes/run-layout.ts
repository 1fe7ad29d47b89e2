import { openLayout, type Call, type Layout } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";
import { about, complaintOf } from "./blame.js";
import { cacheFile } from "./cache-file.js";

/** A folder of the host that is laid over something, and whose it shall be there. */
export interface LayoutOptions {
  readonly layout: string | undefined;
  readonly "layout-uid": number | undefined;
  readonly "layout-gid": number | undefined;
}

type LayoutContext = Context & { readonly options: LayoutOptions };

async function open(context: LayoutContext): Promise<Layout | undefined> {
  const { layout, "layout-uid": uid, "layout-gid": gid } = context.options;
  if (layout === undefined) return undefined;
  const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
  return await openLayout(layout, { ...owner, signal: context.signal });
}

/** Copies the part's layout into a container. @param target a folder of the container; its root unless said */
export async function putLayout(
  context: LayoutContext,
  call: Call,
  container: string,
  target = "/",
): Promise<void> {
  const layout = await about("layout", async () => await open(context));
  if (!layout) return;
  context.progress({ step: "layout" });
  await about("layout", async () => await layout.copyTo(call.engine, container, target));
}

/** The digest of the layout's content; empty where there is no layout. */
export async function layoutDigest(context: LayoutContext): Promise<string> {
  const { layout = "" } = context.options;
  const stamps = cacheFile(context, "layouts", layout);
  return (await about("layout", async () => await (await open(context))?.digest(stamps))) ?? "";
}

/** For a plan: what an install would complain of in these folders. */
export async function foreseeLayouts(...folders: readonly (string | undefined)[]): Promise<string[]> {
  const given = folders.filter((folder) => folder !== undefined);
  const complaints = given.map(async (folder) => await complaintOf(async () => await openLayout(folder)));
  return (await Promise.all(complaints)).flat();
}
