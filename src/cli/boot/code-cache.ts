import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Script } from "node:vm";

/** Folders of other builds and versions of Node that are left where they are; older ones go. */
const NEIGHBOURS = 7;

/**
 * What V8 made of the program's chunks, kept for the next run: compiling them is a third of a short run. (Node's own
 * `module.enableCompileCache` begins with 22.1.) It is never needed: where it cannot be read or written, where it is
 * another user's, or damaged, the program runs as without it.
 */
export class CodeCache {
  #folder: string | undefined;

  /** @param folder for this build of the program and this version of Node; undefined to keep nothing */
  constructor(folder: string | undefined) {
    this.#folder = usable(folder);
  }

  /** For what is compiled from now on: compiled code is only good for the flags that V8 had. */
  moveTo(folder: string | undefined): void {
    this.#folder = usable(folder);
  }

  /** @param name with a hash of the source: V8 compares no more than its length */
  compile(name: string, source: string, filename: string): Script {
    if (this.#folder === undefined) return new Script(source, { filename });
    const file = join(this.#folder, name);
    const cachedData = read(file);
    if (!cachedData) return this.#compileAnew(source, filename, file);
    const script = new Script(source, { filename, cachedData });
    // Of other flags. V8 has compiled the functions that it needs, and would now do no more: the next run makes it anew.
    if (script.cachedDataRejected) rmSync(file, { force: true });
    return script;
  }

  #compileAnew(source: string, filename: string, file: string): Script {
    const script = compileWhole(source, filename);
    try {
      write(file, script.createCachedData());
    } catch {
      // A full disk, a home that is read only: the next run compiles again.
      this.#folder = undefined;
    }
    return script;
  }
}

/** Compiles all functions, and not only those that are called: what is kept is then good for any run, whatever the first
 *  one did. What a no-op run would compile after an install's code was kept takes ten milliseconds. */
function compileWhole(source: string, filename: string): Script {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  setFlagsFromString("--no-lazy");
  try {
    return new Script(source, { filename });
  } finally {
    setFlagsFromString("--lazy");
  }
}

function read(file: string): Buffer | undefined {
  try {
    return unsealed(readFileSync(file));
  } catch {
    return undefined;
  }
}

function write(file: string, data: Buffer): void {
  const folder = dirname(file);
  if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) removeOthers(folder);
  // Another run may do the same at the same time.
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, sealed(data), { mode: 0o600 });
  renameSync(unfinished, file);
}

/** Undefined for a folder whose code is not run. */
function usable(folder: string | undefined): string | undefined {
  return folder !== undefined && mayUse(folder) ? folder : undefined;
}

/** Code is run from there: nobody else may have written it. */
function mayUse(folder: string): boolean {
  try {
    const there = lstatSync(folder, { throwIfNoEntry: false });
    if (!there || !process.geteuid) return true;
    return there.uid === process.geteuid() && (there.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

function removeOthers(folder: string): void {
  const place = dirname(folder);
  const time = (name: string): number => statSync(join(place, name)).mtimeMs;
  const others = readdirSync(place).filter((name) => name !== basename(folder));
  for (const name of others.sort((a, b) => time(b) - time(a)).slice(NEIGHBOURS))
    rmSync(join(place, name), { recursive: true, force: true });
}

/** Bytes in front of the data. V8's own numbers behind them have to lie at multiples of eight. */
const SEAL = 8;

/** V8 notices code that is cut off and code of another version, but runs what has been damaged, and may crash. */
function sealed(data: Buffer): Buffer {
  const file = Buffer.concat([Buffer.alloc(SEAL), data]);
  file.writeInt32LE(sum(data), 0);
  return file;
}

function unsealed(file: Buffer): Buffer | undefined {
  const data = file.subarray(SEAL);
  return file.length > SEAL && file.readInt32LE(0) === sum(data) ? data : undefined;
}

/** Looks at four bytes of every 512: a disk loses whole sectors, and all of them would take three milliseconds. */
function sum(data: Buffer): number {
  const words = new Int32Array(data.buffer, data.byteOffset, data.length >> 2);
  let sum = data.length;
  for (let at = 0; at < words.length; at += 128) sum = (Math.imul(sum, 31) + words[at]!) | 0;
  return sum;
}
