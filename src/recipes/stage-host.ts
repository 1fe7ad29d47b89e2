import { existsSync } from "node:fs";
import { copyFile, link, readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Call, Engine, MountSpec } from "tsbuildout/docker";
import type { InstallContext } from "tsbuildout/recipe";
import { ownFiles } from "./stage-code.js";
import { consoleFolder, UNFINISHED } from "./stage-console.js";
import { copyFolder } from "./stage-files.js";
import type { StageMount } from "./stage-mounts.js";
import type { StageSchema } from "./stage-options.js";

/** A folder of the machine that tsbuildout runs on, and where a stage sees it. */
export interface HostFolder {
  readonly kind: "code" | "out" | "aws";
  readonly source: string;
  readonly target: string;
}

export function hostFolders(
  context: InstallContext<StageSchema>,
  mounts: readonly StageMount[],
): readonly HostFolder[] {
  const { buildout, home, options } = context;
  const aws = join(home, ".aws");
  return [
    { kind: "out", source: consoleFolder(buildout), target: "/out" },
    ...(options["aws-credentials"] && existsSync(aws)
      ? [{ kind: "aws" as const, source: aws, target: "/root/.aws" }]
      : []),
    ...mounts.flatMap((mount) =>
      mount.kind === "code" ? [{ kind: mount.kind, source: buildout.directory, target: mount.target }] : [],
    ),
  ];
}

/** Whether the engine has the files of this machine. A socket may lead elsewhere (a virtual machine, a forwarded one),
 *  and a container that was given its host's socket has other files than the engine: then the names differ. */
export async function isShared(context: InstallContext<StageSchema>, engine: Engine): Promise<boolean> {
  const asked = context.options["host-folders"];
  if (asked !== undefined) return asked === "mount";
  return engine.endpoint.startsWith("unix:") && (await engine.info()).name === hostname();
}

export function hostMounts(folders: readonly HostFolder[]): string[] {
  return folders.map(({ source, target }) => `${source}:${target}:ro`);
}

/** Volumes without a name, which go with the container: a container whose root is read-only takes a copy there only. */
export function hostVolumes(folders: readonly HostFolder[]): MountSpec[] {
  return folders.map(({ target }) => ({
    Type: "volume",
    Target: target,
    VolumeOptions: { NoCopy: true },
  }));
}

interface Copied {
  readonly context: InstallContext<StageSchema>;
  readonly call: Call;
  readonly host: readonly HostFolder[];
}

/** Copies into a created container what it cannot be given by a mount. */
export async function fillHostFolders({ context, call, host }: Copied, container: string): Promise<void> {
  for (const { kind, source, target } of host) {
    const place = { container, path: target };
    if (kind === "out") await copyConsole(context, call, place);
    else
      await copyFolder(call, source, {
        ...place,
        ...(kind === "code" ? { without: ownFiles(context) } : {}),
      });
  }
}

/** Other stages are writing meanwhile: what has ended is held fast by links of our own while it is read. */
async function copyConsole(
  context: InstallContext<StageSchema>,
  call: Call,
  place: { readonly container: string; readonly path: string },
): Promise<void> {
  const folder = consoleFolder(context.buildout);
  const snapshot = await context.temporaryFolder();
  for (const name of await readdir(folder)) {
    if (name.endsWith(UNFINISHED)) continue;
    const [from, to] = [join(folder, name), join(snapshot, name)];
    await link(from, to).catch(async () => await copyFile(from, to));
  }
  await copyFolder(call, snapshot, place);
}
