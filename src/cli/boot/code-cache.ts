import {
  appendFileSync,
  existsSync,
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
  readonly #scripts = new Map<string, Script>();
  /** Whether any of them was compiled without kept code. */
  #isNew = false;

  /** @param folder for this build of the program and this version of Node; undefined to keep nothing */
  constructor(folder: string | undefined) {
    this.#folder = folder !== undefined && mayUse(folder) ? folder : undefined;
  }

  /** @param name with a hash of the source: V8 compares no more than its length */
  compile(name: string, source: string, filename: string): Script {
    const cachedData = this.#read(name);
    const script = new Script(source, { filename, ...(cachedData ? { cachedData } : {}) });
    this.#isNew ||= !cachedData || script.cachedDataRejected === true;
    this.#scripts.set(name, script);
    return script;
  }

  /**
   * Writes what was compiled. To be called when it has run: functions are compiled by their first call, so that kept code
   * has the functions of the runs that wrote it.
   * @param next the folder for what is compiled from now on
   */
  save(next?: string): void {
    try {
      if (this.#folder !== undefined && this.#scripts.size > 0) this.#write(this.#folder);
    } catch {
      // A full disk, a home that is read only: the next run compiles again.
    }
    this.#scripts.clear();
    this.#isNew = false;
    if (this.#folder !== undefined && next !== undefined) this.#folder = mayUse(next) ? next : undefined;
  }

  #read(name: string): Buffer | undefined {
    if (this.#folder === undefined) return undefined;
    try {
      return unsealed(readFileSync(join(this.#folder, name)));
    } catch {
      return undefined;
    }
  }

  /** Runs that load the same chunks mostly call the same functions: the first of them adds its own. */
  #write(folder: string): void {
    const runs = join(folder, "runs");
    const run = `${[...this.#scripts.keys()].sort().join(" ")}\n`;
    if (!this.#isNew && existsSync(runs) && readFileSync(runs, "utf8").includes(run)) return;
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) removeOthers(folder);
    for (const [name, script] of this.#scripts)
      writeWhole(join(folder, name), sealed(script.createCachedData()));
    appendFileSync(runs, run, { mode: 0o600 });
  }
}

/** Another run may do the same at the same time, and the disk may be full. */
function writeWhole(file: string, data: Buffer): void {
  const unfinished = `${file}.${process.pid}`;
  try {
    writeFileSync(unfinished, data, { mode: 0o600 });
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/** Code is run from there: nobody else may have written it. */
function mayUse(folder: string): boolean {
  try {
    const user = process.geteuid?.();
    const there = lstatSync(folder, { throwIfNoEntry: false });
    if (!there) return user !== 0 || ownerAbove(folder) === 0;
    return user === undefined || (there.uid === user && (there.mode & 0o022) === 0);
  } catch {
    return false;
  }
}

/** Whose the place is where a folder would be made: what root makes in a user's home (`sudo -E`) is in that user's way. */
function ownerAbove(folder: string): number {
  const above = dirname(folder);
  return lstatSync(above, { throwIfNoEntry: false })?.uid ?? ownerAbove(above);
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

/** Looks at four bytes of every 256: a disk loses whole blocks, and of every 64 it would take three milliseconds. */
function sum(data: Buffer): number {
  const words = new Int32Array(data.buffer, data.byteOffset, data.length >> 2);
  let sum = data.length;
  for (let at = 0; at < words.length; at += 64) sum = (Math.imul(sum, 31) + words[at]!) | 0;
  return sum;
}
