/** Programs of another architecture: whether the engine's host runs them, by qemu and the kernel's binfmt_misc. */
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createContainer, DockerError, startContainer, waitContainer, type Engine } from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Schema } from "tsbuildout/recipe";
import { labelsOf } from "./common.js";
import { freezeFor, trialFor } from "./freeze.js";
import { execute } from "./gentoo-exec.js";
import { putProgram } from "./gentoo-files.js";
import { parsePlatform, platformText, runsNatively, type Platform } from "./gentoo-platform.js";
import type { Rights } from "./gentoo-work.js";
import { makeRoom, removeWork, rightsConfig } from "./gentoo-work.js";

export interface Foreign {
  readonly engine: Engine;
  readonly platform: Platform;
  /** The option that asks for it. */
  readonly option: string;
  /** An image of the host's own architecture to try in; it needs a shell to register an emulator. */
  readonly image: string;
  readonly rights: Rights;
}

/**
 * Makes sure that programs of a platform run on the engine's host; registers this machine's `qemu-*-static` there where
 * they do not and the engine lets it.
 * @throws RecipeError `platform/not-runnable`
 */
export async function needPlatform(context: InstallContext<Schema>, foreign: Foreign): Promise<void> {
  const host = await hostPlatform(foreign.engine);
  if (host && runsNatively(host, foreign.platform)) return;
  context.progress({ step: `trying ${platformText(foreign.platform)}` });
  if (await runs(context, foreign)) return;
  const refusal = await register(context, foreign);
  if (refusal === undefined && (await runs(context, foreign))) return;
  throw notRunnable(foreign, refusal);
}

export async function hostPlatform(engine: Engine): Promise<Platform | undefined> {
  const { arch, variant } = await engine.info();
  return parsePlatform(variant ? `${arch}/${variant}` : arch);
}

function notRunnable({ platform, option }: Foreign, refusal: string | undefined): RecipeError {
  return new RecipeError({
    code: "platform/not-runnable",
    message: `the engine's host cannot run programs of ${platformText(platform)}`,
    notes: refusal === undefined ? [] : [refusal],
    help: [
      `on the engine's host install qemu-${platform.qemu}-static and its binfmt entry: apt-get install qemu-user-static binfmt-support`,
    ],
    option,
  });
}

/**
 * Runs a program of that platform that ends with 0. Its start alone tells nothing, since some runtimes answer before the
 * kernel has looked at the program; and nothing is asked of it, since an emulator or a runtime that a signal meets before
 * the program has begun loses it or ends by it.
 */
async function runs(context: InstallContext<Schema>, { engine, platform, image }: Foreign): Promise<boolean> {
  return await inTrial(context, { engine, image, command: ["/.trial"], host: {} }, async (name) => {
    const { signal } = context;
    const content = trialFor(platform.arch);
    await putProgram({ engine, name }, { folder: "/", name: ".trial", content, signal });
    try {
      await startContainer({ engine, signal }, name);
      return (await waitContainer(engine, name, { signal })) === 0;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DockerError && error.statusCode !== undefined) return false;
      throw error;
    }
  });
}

interface Trial {
  readonly engine: Engine;
  readonly image: string;
  readonly command: readonly string[];
  readonly host: Readonly<Record<string, unknown>>;
}

/** Does something with a container of its own, which goes afterwards. */
async function inTrial<T>(
  context: InstallContext<Schema>,
  trial: Trial,
  work: (name: string) => Promise<T>,
): Promise<T> {
  const name = trialName(context, "trial");
  try {
    await createTrial(context, name, trial);
    return await work(name);
  } finally {
    await removeWork(context, { engine: trial.engine, name });
  }
}

function trialName({ buildout, part }: InstallContext<Schema>, what: string): string {
  return `tsbuildout-${what}-${buildout.id.slice(0, 8)}-${part.replaceAll(/[^\w.-]/g, "_")}`;
}

async function createTrial(context: InstallContext<Schema>, name: string, trial: Trial): Promise<void> {
  const { engine, image, command, host } = trial;
  await makeRoom(context, { engine, name });
  await context.created({ kind: "container", name });
  const config = {
    Image: image,
    Entrypoint: command,
    Cmd: [],
    Labels: labelsOf(context),
    HostConfig: host,
  };
  await createContainer({ engine, signal: context.signal }, { name, config });
}

/** First bytes of an ELF file of a machine, and which of them count (Documentation/admin-guide/binfmt-misc.rst). */
const MACHINES: Readonly<
  Record<string, { readonly bits: 1 | 2; readonly big?: boolean; readonly machine: number }>
> = {
  x86_64: { bits: 2, machine: 62 },
  i386: { bits: 1, machine: 3 },
  aarch64: { bits: 2, machine: 183 },
  arm: { bits: 1, machine: 40 },
  riscv64: { bits: 2, machine: 243 },
  ppc64le: { bits: 2, machine: 21 },
  s390x: { bits: 2, big: true, machine: 22 },
};

/** A line for binfmt_misc's `register`. `F`: the kernel keeps the emulator open, so that it serves every container. */
export function binfmtLine(qemu: string, interpreter: string): string | undefined {
  const elf = MACHINES[qemu];
  if (!elf) return undefined;
  const half = (value: number): number[] => (elf.big ? [value >> 8, value & 255] : [value & 255, value >> 8]);
  const magic = [
    0x7f,
    0x45,
    0x4c,
    0x46,
    elf.bits,
    elf.big ? 2 : 1,
    1,
    0,
    ...Array<number>(8).fill(0),
    ...half(2),
    ...half(elf.machine),
  ];
  // The system's identification and the padding are free, and a file may be an executable or position-independent.
  const mask = [
    ...Array<number>(7).fill(0xff),
    0,
    ...Array<number>(8).fill(0xff),
    ...half(0xfffe),
    ...half(0xffff),
  ];
  return `:qemu-${qemu}:M::${escaped(magic)}:${escaped(mask)}:${interpreter}:OCF`;
}

function escaped(bytes: readonly number[]): string {
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

const INTERPRETER = "/qemu-static";
const REGISTER = [
  "d=/proc/sys/fs/binfmt_misc",
  "[ -e $d/register ] || mount -t binfmt_misc binfmt_misc $d || exit 3",
  "cat >$d/register",
].join("\n");

/**
 * Registers an emulator by a container that stays as long as the part: where nobody else has binfmt_misc mounted, a kernel
 * forgets what was registered with the last mount.
 * @returns why it could not be done; undefined where it was
 */
async function register(context: InstallContext<Schema>, foreign: Foreign): Promise<string | undefined> {
  const { engine, platform, image, rights } = foreign;
  const program = await findProgram(context.env["PATH"], `qemu-${platform.qemu}-static`);
  const line = binfmtLine(platform.qemu, INTERPRETER);
  if (!program || !line)
    return `this machine has no qemu-${platform.qemu}-static that could be registered there`;
  const name = trialName(context, "emulator");
  try {
    await createTrial(context, name, { engine, image, command: ["/.freeze"], host: rightsConfig(rights) });
    const host = await hostPlatform(engine);
    const at = { folder: "/", signal: context.signal };
    await putProgram({ engine, name }, { ...at, name: ".freeze", content: freezeFor(host?.arch ?? "amd64") });
    await putProgram({ engine, name }, { ...at, name: INTERPRETER.slice(1), content: program });
    await startContainer({ engine, signal: context.signal }, name);
    const cmd = ["/bin/sh", "-c", REGISTER];
    const done = await execute(context, { engine, name }, { cmd, stdin: Buffer.from(line), log: false });
    if (done.code === 0) {
      context.log(
        `registered qemu-${platform.qemu} with the engine's host, for as long as this part is there`,
        "note",
      );
      return undefined;
    }
    await removeWork(context, { engine, name });
    return `registering it failed: ${done.last.join(" ") || `exit code ${done.code}`}`;
  } catch (error) {
    await removeWork(context, { engine, name });
    context.signal.throwIfAborted();
    return `registering it failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function findProgram(path: string | undefined, name: string): Promise<Buffer | undefined> {
  for (const folder of (path ?? "").split(delimiter)) {
    const found = folder === "" ? undefined : await readFile(join(folder, name)).catch(() => undefined);
    if (found) return found;
  }
  return undefined;
}
