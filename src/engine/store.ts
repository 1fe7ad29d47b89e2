import { readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import { saveWhole } from "./durable.js";
import {
  applyChange,
  type Change,
  type JournalContent,
  JournalFormatError,
  JournalWriter,
  readJournal,
} from "./journal.js";
import { newState, type State } from "./state.js";
import { decodeState, encodeState, StateFormatError } from "./state-file.js";

/** The state is saved whole when the journal has grown to this share of it: what a change costs, the saves that it
 *  brings nearer included, is then the same however many parts there are. */
const JOURNAL_SHARE = 0.5;
/** One block of a disk takes as long to write as one line: a state of this size is always saved whole, so that a person
 *  who reads the file finds it up to date. */
const ALWAYS_SAVED = 4096;

/** The installed-state file and its journal, `FILE.journal`. Changes go to the journal, and at the end of a run,
 *  where it pays, into the file. */
export class StateStore {
  readonly path: string;
  readonly state: State;
  /** Bytes of the state file; 0 where there is none. */
  #fileSize: number;
  #journalLength: number;
  #staleJournal = false;
  #writer: Promise<JournalWriter> | undefined;
  /** The configuration that is to be recorded, where it is not yet. */
  #configuration: string | undefined;
  /** A change is not in the journal. */
  #isLost = false;

  private constructor(path: string, state: State, fileSize: number, journalLength: number) {
    this.path = path;
    this.state = state;
    this.#fileSize = fileSize;
    this.#journalLength = journalLength;
  }

  /** Reads state and journal; throws DiagnosticError for what cannot be read, and touches nothing. */
  static open(path: string): StateStore {
    // The journal first: who only looks takes no lock, and a save that ends between the two reads takes the journal away.
    const journal = readJournalOf(path);
    const text = readText(path);
    const saved = text === undefined ? undefined : decode(path, text);
    const state = saved ?? newState();
    // A journal of an earlier save, or one whose state file somebody took away, has nothing to add.
    const fits = journal !== undefined && journal.head.generation === state.generation;
    if (!fits) {
      const store = new StateStore(path, state, text ? Buffer.byteLength(text) : 0, 0);
      store.#staleJournal = journal !== undefined;
      return store;
    }
    const base: State = saved ?? { ...state, id: journal.head.id, key: journal.head.key };
    for (const change of journal.changes) applyChange(base, change);
    return new StateStore(path, base, text ? Buffer.byteLength(text) : 0, journal.length);
  }

  /** Applies and records a change; with `durable` it resolves when no crash could lose it. */
  async change(change: Change, durable = false): Promise<void> {
    applyChange(this.state, change);
    try {
      this.#writer ??= this.#openWriter();
      await (await this.#writer).append(change, durable);
    } catch (error) {
      this.#isLost = true;
      throw cannotWrite(journalPath(this.path), error);
    }
  }

  /** What the run changes is of this configuration. */
  changedBy(configuration: string): void {
    if (configuration !== this.state.configuration) this.#configuration = configuration;
  }

  /** Brings the records into this order (where the state is saved whole); others stay before them. */
  order(names: readonly string[]): void {
    const { records } = this.state;
    for (const name of names) {
      const record = records.get(name);
      if (record && records.delete(name)) records.set(name, record);
    }
  }

  #openWriter(): Promise<JournalWriter> {
    const { id, key, generation } = this.state;
    return JournalWriter.open(journalPath(this.path), this.#journalLength, {
      journal: 1,
      id,
      key,
      generation,
    });
  }

  /** Ends the run, with all that was recorded on the disk: saves the state whole where that is due, or takes the files
   *  away when nothing is installed.
   *  @returns why the state could not be saved whole, where the journal has all of it
   *  @throws DiagnosticError `state/not-written` where something could not be recorded */
  async close(): Promise<Diagnostic | undefined> {
    const writer = await this.#writer?.catch(() => undefined);
    const journalSize = writer?.size ?? this.#journalLength;
    await this.#endJournal(writer);
    // Of a save that was cut off at its last step, or of a state file that somebody took away.
    if (journalSize === 0 && this.#staleJournal) await rm(journalPath(this.path), { force: true });
    if (!this.#isSaveDue(journalSize)) return undefined;
    try {
      if (this.state.records.size === 0) await rm(this.path, { force: true });
      else await saveWhole(this.path, this.#encoded());
      await rm(journalPath(this.path), { force: true });
      return undefined;
    } catch (error) {
      if (this.#isLost) throw cannotWrite(this.path, error);
      return notSaved(this.path, error);
    }
  }

  #encoded(): string {
    const generation = this.state.generation + 1;
    const configuration = this.#configuration ?? this.state.configuration;
    return encodeState({ ...this.state, generation, folder: dirname(this.path), configuration });
  }

  /** Where the folder was copied, not moved: both states are of the same things, and what either of the two buildouts
   *  takes away is gone for the other. */
  copied(): Diagnostic | undefined {
    const { folder, id } = this.state;
    if (folder === undefined || folder === dirname(this.path)) return undefined;
    const original = join(folder, basename(this.path));
    return isOtherFile(original, this.path) && isStateOf(original, id)
      ? copiedState(this.path, original)
      : undefined;
  }

  async #endJournal(writer: JournalWriter | undefined): Promise<void> {
    try {
      await writer?.close();
    } catch (error) {
      throw cannotWrite(journalPath(this.path), error);
    }
  }

  #isSaveDue(journalSize: number): boolean {
    if (journalSize === 0) return false;
    if (this.state.records.size === 0 || this.#isLost || this.#configuration !== undefined) return true;
    return this.#fileSize < ALWAYS_SAVED || journalSize > this.#fileSize * JOURNAL_SHARE;
  }
}

/** One folder can be seen under two names. */
function isOtherFile(a: string, b: string): boolean {
  try {
    const [one, other] = [statSync(a), statSync(b)];
    return one.ino !== other.ino || one.dev !== other.dev;
  } catch {
    return false;
  }
}

function isStateOf(path: string, id: string): boolean {
  try {
    return decodeState(readFileSync(path, "utf8")).id === id;
  } catch {
    return false;
  }
}

function copiedState(path: string, original: string): Diagnostic {
  return {
    severity: "warning",
    code: "state/copied",
    message: `${path} is a copy of ${original}: what is changed or removed here is that buildout's, too`,
    help: [
      `to have things of its own here, with names of their own, remove ${path} before anything is changed`,
      `if the folder has moved, remove ${original}`,
    ],
  };
}

function journalPath(path: string): string {
  return `${path}.journal`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new DiagnosticError([
      stateError("state/unreadable", `cannot read ${path}: ${(error as Error).message}`, [
        "make the file readable, or name another one with [buildout] installed",
      ]),
    ]);
  }
}

function decode(path: string, text: string): State {
  try {
    return decodeState(text);
  } catch (error) {
    if (!(error instanceof StateFormatError)) throw error;
    if (ZC_BUILDOUT.test(text)) throw new DiagnosticError([foreignState(path)]);
    throw new DiagnosticError([error.newer ? newerState(path, error) : brokenState(path, error.message)]);
  }
}

/** What only zc.buildout writes into its file of the same name. */
const ZC_BUILDOUT = /^(installed_develop_eggs|__buildout_(installed|signature)__) *=/m;

function foreignState(path: string): Diagnostic {
  return stateError("state/foreign", `${path} was written by zc.buildout`, [
    "have zc.buildout uninstall its parts, and remove the file; nothing was changed",
    "or leave both as they are, and name another file with [buildout] installed",
  ]);
}

function readJournalOf(path: string): JournalContent | undefined {
  try {
    return readJournal(journalPath(path));
  } catch (error) {
    if (!(error instanceof JournalFormatError)) throw error;
    throw new DiagnosticError([brokenState(journalPath(path), error.message)]);
  }
}

function newerState(path: string, error: StateFormatError): Diagnostic {
  const message = `${path} was written by a newer tsbuildout: ${error.message}`;
  return stateError("state/newer", message, ["use that version of tsbuildout; nothing was changed"]);
}

function brokenState(path: string, why: string): Diagnostic {
  return stateError("state/broken", `${path} is not an installed-state file: ${why}`, [
    "put the file back from a backup, or mend it by hand; nothing was changed",
    `if ${basename(path)} is not ours, name another file with [buildout] installed`,
    "if what it recorded is of no interest any more, remove it: the parts are then installed anew, and what was installed stays behind",
  ]);
}

function cannotWrite(path: string, error: unknown): DiagnosticError {
  if (error instanceof DiagnosticError) return error;
  const diagnostic = stateError("state/not-written", `cannot write ${path}: ${(error as Error).message}`, [
    "make room or make the folder writable, and run again: what was done is found again",
  ]);
  return new DiagnosticError([diagnostic], { cause: error });
}

/** Nothing is lost: what is not in the file is in its journal. */
function notSaved(path: string, error: unknown): Diagnostic {
  const message = `cannot write ${path}: ${(error as Error).message}`;
  const help = [
    `make room or make the folder writable; until then ${basename(journalPath(path))} has it all`,
  ];
  return { severity: "warning", code: "state/not-written", message, help };
}

function stateError(code: string, message: string, help: readonly string[]): Diagnostic {
  return { severity: "error", code, message, help };
}
