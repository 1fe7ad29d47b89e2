import {
  createContainer,
  inspectContainer,
  removeContainer,
  removeImage,
  type Call,
} from "tsbuildout/docker";
import type { InstallContext, Resource, Schema } from "tsbuildout/recipe";
import { isOurs, labelsOf, ownerDigest } from "./common.js";
import { putLayout, type LayoutOptions } from "./run-layout.js";

type Filling = InstallContext<Schema> & { readonly options: LayoutOptions & { readonly name: string } };

/** Two blocks of zeros: a tar archive of nothing. */
const EMPTY_ARCHIVE = Buffer.alloc(1024);

/**
 * Fills a new volume from the folder that the part names. A volume is written to through a container that mounts it; this
 * one is never started, of an image with nothing in it, so that nothing has to be pulled.
 */
export async function fillVolume(context: Filling, call: Call): Promise<void> {
  if (context.options.layout === undefined) return;
  const name = helperName(context);
  for (const kind of ["fill-image", "fill-container"]) await context.created({ kind, name });
  // Of a fill that was cut off.
  await removeHelper(context, call, { kind: "fill-container", name });
  await importEmpty(context, call, name);
  const { id } = await createContainer(call, {
    name,
    config: {
      Image: name,
      Cmd: ["never started"],
      Labels: labelsOf(context),
      HostConfig: { Binds: [`${context.options.name}:/volume`], NetworkMode: "none" },
    },
  });
  await putLayout(context, call, id, "/volume");
  await removeHelper(context, call, { kind: "fill-container", name });
  await removeHelper(context, call, { kind: "fill-image", name });
  for (const kind of ["fill-container", "fill-image"]) await context.removed({ kind, name });
}

/** Of this part alone, so that two runs do not take each other's helper away. */
function helperName(context: Filling): string {
  return `tsbuildout-fill-${ownerDigest(context).slice(0, 16)}`;
}

async function importEmpty(context: Filling, call: Call, name: string): Promise<void> {
  const labels = Object.entries(labelsOf(context)).map(
    ([key, value]) => `LABEL ${key}=${JSON.stringify(value)}`,
  );
  await call.engine.request({
    method: "POST",
    path: "/images/create",
    query: { fromSrc: "-", repo: name, changes: labels },
    headers: { "Content-Type": "application/x-tar" },
    body: EMPTY_ARCHIVE,
    ...(call.signal ? { signal: call.signal } : {}),
  });
}

/** What a fill that was cut off left; an uninstall asks for it as well. */
export async function removeHelper(
  context: { readonly part: string; readonly buildout: { readonly id: string } },
  call: Call,
  { kind, name }: Resource,
): Promise<void> {
  if (kind === "fill-image") await removeImage(call.engine, name, call.signal ? { signal: call.signal } : {});
  if (kind !== "fill-container") return;
  const found = await inspectContainer(call, name);
  if (found && isOurs(found.Config.Labels, context)) await removeContainer(call, found.Id);
}
