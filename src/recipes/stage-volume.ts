import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Extract, extract } from "tar-stream";
import {
  type Call,
  createVolume,
  inspectVolume,
  listAll,
  prematureEnd,
  removeContainer,
  statInContainer,
} from "tsbuildout/docker";
import type { InstallContext, UninstallContext } from "tsbuildout/recipe";
import { BUILDOUT_LABEL, isOurs, labelsOf } from "./common.js";
import type { StageSchema } from "./stage-options.js";
import { removeUnused } from "./volume-in-use.js";

/** The name of a stage's volume, and of its container while it runs. Unlike a part's name it holds only what an engine
 *  allows; two parts never share one. */
export function stageObject(buildout: string, part: string): string {
  const plain = part.replaceAll(/[^a-zA-Z0-9_.-]/g, "_");
  const mark =
    plain === part && part.length <= 100
      ? ""
      : `-${createHash("sha256").update(part).digest("hex").slice(0, 8)}`;
  return `${prefix(buildout)}${plain.slice(0, 100)}${mark}`;
}

const prefix = (buildout: string): string => `tsbuildout-${buildout.slice(0, 12)}-`;

/** The stage's volume, empty: what an earlier run left in it goes.
 *  @returns its name, and whether it is new: one of that name that is not ours is used as it is */
export async function freshVolume(
  context: InstallContext<StageSchema>,
  call: Call,
): Promise<{ readonly name: string; readonly made: boolean }> {
  const name = stageObject(context.buildout.id, context.part);
  const found = await inspectVolume(call, name);
  const made = found === undefined || isOurs(found.Labels, context);
  if (found && made) await removeStageVolume(context, call, name);
  await context.created({ kind: "volume", name });
  await createVolume(call, { name, labels: labelsOf(context) });
  return { name, made };
}

/** Containers of stages that a killed run left behind, and that hold a stage's volume: its own, and those of stages that
 *  use it. None is at work, for they wait for this one. */
async function dropLeft({ buildout }: Owner, call: Call, volume: string): Promise<void> {
  const filters = { volume: [volume], label: [`${BUILDOUT_LABEL}=${buildout.id}`] };
  const signal = call.signal ? { signal: call.signal } : {};
  for (const { Id, Names } of await listAll(call.engine, "containers", { filters, ...signal }))
    if (Names?.some((name) => name.startsWith(`/${prefix(buildout.id)}`))) await removeContainer(call, Id);
}

type Owner = Pick<UninstallContext, "buildout" | "part">;

/** @throws a problem `volume/in-use` */
export async function removeStageVolume(owner: Owner, call: Call, name: string): Promise<void> {
  await dropLeft(owner, call, name);
  const command = `tsbuildout install --reinstall ${owner.part}`;
  await removeUnused(
    call,
    name,
    `remove those containers first; of parts that use the stage, ${command} does so`,
  );
}

/** When something was last put into a stage's volume or taken out of it, as long as its container is there. Undefined
 *  where the file system keeps whole seconds only, in which a short stage is over. */
export async function volumeTime(
  { engine, signal }: Call,
  container: string,
  path: string,
): Promise<string | undefined> {
  const mtime = (await statInContainer(engine, container, path, signal))?.mtime;
  return mtime?.includes(".") === true ? mtime : undefined;
}

/** Of a volume that holds nothing. */
export const EMPTY_DIGEST = digestOfLines([]);

/** The entries of an archive from an engine, each to be read to its end. Who reads them hears of it where it is cut off. */
export function entriesOf(archive: Readable): Extract {
  const entries = extract();
  const whole = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* archive as AsyncIterable<Buffer>;
    } catch (error) {
      throw prematureEnd(error);
    }
  };
  pipeline(whole, entries).catch(() => undefined);
  return entries;
}

/** A digest of what an archive holds: names, kinds, modes, owners, targets and contents, not times; so that a stage that
 *  made the same again is seen to have done so. The folder itself does not count. @returns `sha256:…` */
export async function digestArchive(archive: Readable): Promise<string> {
  const lines: string[] = [];
  for await (const entry of entriesOf(archive)) {
    const hash = createHash("sha256");
    for await (const chunk of entry) hash.update(chunk as Buffer);
    const { name, type, mode, uid, gid, linkname } = entry.header;
    if (!/^\.?\/?$/.test(name))
      lines.push(JSON.stringify([name, type, mode, uid, gid, linkname ?? "", hash.digest("hex")]));
  }
  return digestOfLines(lines);
}

function digestOfLines(lines: readonly string[]): string {
  const whole = createHash("sha256");
  for (const line of [...lines].sort()) whole.update(`${line}\n`);
  return `sha256:${whole.digest("hex")}`;
}
