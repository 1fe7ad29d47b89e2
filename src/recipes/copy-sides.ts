/** The two sides of a copy: which engine each is on, and what is there. */
import type { CopySource, CopyTarget, Engine } from "tsbuildout/docker";
import type { InputsContext } from "tsbuildout/recipe";
import { engineOf, engineOptions, labelsOf, placeOf, type PartContext } from "./common.js";
import type { CopySchema } from "./copy-options.js";

export type Side = "from" | "to";
export type Copying = InputsContext<CopySchema>;

const ENGINE_OPTIONS = new Set(Object.keys(engineOptions));

/** The engine of one side: its own options where it has any that name one, else the part's. */
export async function engineOfSide(context: PartContext, side: Side): Promise<Engine> {
  return await engineOf(onSide(context, side));
}

/** The engine of one side, as a key. */
export function placeOfSide(context: PartContext, side: Side): string {
  return placeOf(onSide(context, side));
}

function onSide(context: PartContext, side: Side): PartContext {
  const text = (name: string): string | undefined =>
    context.text ? context.text(name) : context.record?.options[name];
  const own = ["engine-url", "context", "machine-name"].some((name) => text(`${name}-${side}`));
  const ofSide = (name: string): string | undefined =>
    own && ENGINE_OPTIONS.has(name) ? text(`${name}-${side}`) : text(name);
  return { ...context, text: ofSide };
}

export async function sourceOf(
  context: Copying,
  onContainer?: (name: string, what: "created" | "removed") => Promise<void>,
): Promise<CopySource> {
  const { "container-from": container, "image-from": image, "path-from": path, platform } = context.options;
  if (path !== undefined) return { kind: "folder", path };
  const engine = await engineOfSide(context, "from");
  if (container !== undefined) return { kind: "container", engine, container };
  return {
    kind: "image",
    engine,
    image: image ?? "",
    labels: labelsOf(context),
    ...(platform ? { platform } : {}),
    ...(onContainer ? { onContainer } : {}),
  };
}

export async function targetOf(context: Copying): Promise<CopyTarget> {
  const { "container-to": container, "path-to": path } = context.options;
  if (path !== undefined) return { kind: "folder", path };
  return { kind: "container", engine: await engineOfSide(context, "to"), container: container ?? "" };
}
