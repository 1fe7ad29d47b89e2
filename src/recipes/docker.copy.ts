import { existsSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import {
  arrival,
  copyPath,
  imageKey,
  inspectContainer,
  inspectImage,
  removeContainer,
  sameContainer,
} from "tsbuildout/docker";
import {
  defineRecipe,
  type ConfigureContext,
  type Context,
  type Drift,
  type InstallContext,
  type Outputs,
  type Resource,
  type UninstallContext,
} from "tsbuildout/recipe";
import { blaming } from "./blame.js";
import { configureEngine, isOurs, problemsOf } from "./common.js";
import { copyInputs } from "./copy-inputs.js";
import { copyOptions, type CopyLine, type CopySchema } from "./copy-options.js";
import { engineOfSide, placeOfSide, sourceOf, targetOf } from "./copy-sides.js";
import { announceFolders, isOwn } from "./own-file.js";
import { ensureImage, isId } from "./run-image.js";

export default defineRecipe({
  doc: "Copies files from a container, an image or a folder into a container or a folder, exactly as they are: owners, times, links, capabilities. What is copied into a container goes with the container; it is copied again when the source has changed or the container is another one.",
  options: copyOptions,
  outputs: { "image-id": { doc: "With `image-from`: id of the image that was copied from." } },
  configure,
  inputs: copyInputs,
  // Inputs say it all: without a look, the part would be updated by every run.
  look: async () => await Promise.resolve(new Map<string, Drift[]>()),
  install: async (context) => await blaming(context, async () => await copy(context)),
  update: async (context) => await blaming(context, async () => await copy(context)),
  uninstall,
});

async function configure(context: ConfigureContext<CopySchema>): Promise<void> {
  configureEngine(context);
  const { "path-to": root, paths } = context.options;
  const places = (paths ?? []).map((line) => placeOnHost(root ?? "", line));
  (await hostOf(context)).asked.set(context.part, root === undefined ? [] : places);
  exactlyOne(context, ["container-from", "image-from", "path-from"], "from what is copied");
  exactlyOne(context, ["container-to", "path-to"], "where it goes");
  const { "container-from": from, "container-to": to, "image-from": image } = context.options;
  const [source, target] = [placeOfSide(context, "from"), placeOfSide(context, "to")];
  if (from !== undefined) context.uses(`container:${from}`, "container-from", source);
  if (to !== undefined) context.uses(`container:${to}`, "container-to", target);
  if (from !== undefined && from === to && source === target)
    context.fail(sameContainer(`container ${from}`));
  if (image !== undefined && !isId(image))
    problemsOf(context, () => context.uses(imageKey(image), "image-from", source));
}

/** What the parts of a run copy to on this machine. */
interface Host {
  /** Places by the part that asks for them now. */
  readonly asked: Map<string, readonly string[]>;
  /** Places of parts whose options have changed, which may have others now. */
  readonly left: Set<string>;
}

async function hostOf(context: Pick<Context, "shared">): Promise<Host> {
  return await context.shared("places of copies", () => ({ asked: new Map(), left: new Set<string>() }));
}

/** Whether another part copies to a place now, or into it. */
function isAnothers({ asked }: Host, part: string, place: string): boolean {
  return [...asked].some(([other, places]) => other !== part && places.some((one) => isWithin(one, place)));
}

type Way = "container-from" | "image-from" | "path-from" | "container-to" | "path-to";

function exactlyOne(context: ConfigureContext<CopySchema>, ways: readonly Way[], what: string): void {
  if (ways.some((way) => context.unknown.has(way))) return;
  const given = ways.filter((way) => context.options[way] !== undefined);
  if (given.length === 1) return;
  const [, second] = given;
  context.fail({
    code: "option/value",
    message: given.length === 0 ? `nothing says ${what}` : `${given.join(" and ")} both say ${what}`,
    help: [`give one of ${ways.join(", ")}`],
    ...(second ? { option: second } : {}),
  });
}

async function copy(context: InstallContext<CopySchema>): Promise<Outputs> {
  const imageId = await image(context);
  const { paths, uid, gid, exclude, "exact-times": wanted } = context.options;
  const from = await sourceOf(context, async (name, what) => {
    const resource = { kind: "copy-container", name };
    await (what === "created" ? context.created(resource) : context.removed(resource));
  });
  const to = await targetOf(context);
  const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
  const places = to.kind === "folder" ? paths.map((line) => placeOnHost(to.path, line)) : [];
  const others = othersOf(context, places);
  // Now what is taken away would take what is copied with it later; the rest goes only when the copy is there.
  await drop(context, others.entangled);
  await dropEmpty(context, []);
  for (const place of places) await ownFile(context, place);
  for (const line of paths) {
    context.progress({ step: `copying ${line.path}` });
    const { exactTimes } = await copyPath({
      from,
      to,
      path: line.path,
      ...(line.target === undefined ? {} : { target: line.target }),
      ...owner,
      exclude,
      ...(wanted === undefined ? {} : { exactTimes: wanted }),
      signal: context.signal,
    });
    if (!exactTimes && wanted === undefined)
      context.log(
        `${line.path}: too large to ask after nanoseconds, times are whole seconds; exact-times = true asks`,
        "note",
      );
  }
  await drop(context, others.apart);
  await dropEmpty(context, places);
  return { "image-id": imageId };
}

/** Sees to it that the image is there. -> its id */
async function image(context: InstallContext<CopySchema>): Promise<string> {
  const { "image-from": image, platform } = context.options;
  if (image === undefined) return "";
  const call = { engine: await engineOfSide(context, "from"), signal: context.signal };
  await ensureImage({ ...context, options: { image, platform, "pull-policy": "missing" } }, call);
  return (await inspectImage(call.engine, image, context.signal))?.Id ?? "";
}

/** Where a line of `paths` arrives below a folder that stands for a root. */
function placeOnHost(root: string, { path, target }: CopyLine): string {
  return resolve(root, `.${arrival({ path, ...(target === undefined ? {} : { target }) })}`);
}

/** What a copy makes on the host goes with the part; what was there before stays, unless a part has given it up. */
async function ownFile(context: InstallContext<CopySchema>, place: string): Promise<void> {
  const host = await hostOf(context);
  const isFree = host.left.has(place) && !isOwn(context, place) && !isAnothers(host, context.part, place);
  if (existsSync(place) && !isFree) return;
  await announceFolders(context, dirname(place));
  await context.created({ kind: "file", name: place });
}

/** What earlier copies made in other places, by whether one of the places of now is in it, or it in one of them. */
function othersOf(
  { buildout: { directory }, record }: InstallContext<CopySchema>,
  places: readonly string[],
): { readonly entangled: readonly Resource[]; readonly apart: readonly Resource[] } {
  const others = (record?.resources ?? []).filter(({ kind, name }) => {
    const place = resolve(directory, name);
    // The folder that the buildout stands in is not the part's, whatever was made there once.
    return kind === "file" && !places.includes(place) && !isWithin(directory, place);
  });
  const isEntangled = ({ name }: Resource): boolean => {
    const other = resolve(directory, name);
    return places.some((place) => isWithin(place, other) || isWithin(other, place));
  };
  return {
    entangled: others.filter((one) => isEntangled(one)),
    apart: others.filter((one) => !isEntangled(one)),
  };
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Of places that the part has given up; one that another part copies to now is that one's, which may be done already. */
async function drop(context: InstallContext<CopySchema>, resources: readonly Resource[]): Promise<void> {
  const host = await hostOf(context);
  for (const resource of resources) {
    const place = resolve(context.buildout.directory, resource.name);
    if (!isAnothers(host, context.part, place)) await remove(place);
    await context.removed(resource);
  }
}

async function remove(place: string): Promise<void> {
  await rm(place, { recursive: true, force: true }).catch((error: unknown) => {
    // With a file on its way nothing is there.
    if (!(error instanceof Error && "code" in error && error.code === "ENOTDIR")) throw error;
  });
}

/** Folders that only led to what is gone: one that is a place of its own now is the part's with all that is in it.
 *  @param places copied already, which may hold empty folders */
async function dropEmpty(context: InstallContext<CopySchema>, places: readonly string[]): Promise<void> {
  const { record, buildout } = context;
  const isCopied = (name: string): boolean =>
    places.some((place) => isWithin(resolve(buildout.directory, name), place));
  const folders = record?.resources.filter(({ kind, name }) => kind === "folder" && !isCopied(name)) ?? [];
  for (const folder of folders.toReversed())
    await rmdir(resolve(buildout.directory, folder.name)).then(
      async () => await context.removed(folder),
      () => undefined,
    );
}

/** Of a copy that was cut off, the container that an image was read through. Who copies anew copies over what is there:
 *  somebody may have put something into a folder meanwhile. */
async function uninstall(context: UninstallContext): Promise<void> {
  for (const resource of context.record.resources) {
    const { kind, name } = resource;
    const wasThere = context.because === "changed" || resource["kept"] !== undefined;
    if (kind === "file" || kind === "folder") {
      if (!wasThere || context.because === "gone") continue;
      await context.leave({ ...resource, kept: "copied over" });
      (await hostOf(context)).left.add(resolve(context.buildout.directory, name));
      continue;
    }
    if (kind !== "copy-container") continue;
    const call = { engine: await engineOfSide(context, "from"), signal: context.signal };
    const found = await inspectContainer(call, name);
    if (found && isOurs(found.Config.Labels, context)) await removeContainer(call, found.Id);
  }
}
