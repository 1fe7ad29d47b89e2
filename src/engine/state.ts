import ini from "ini";
import type { PartRecord, Resource } from "./contract.js";

/** Loaded on use, which most runs make none of: it takes Node 5 ms. */
const crypto = (): typeof import("node:crypto") => process.getBuiltinModule("node:crypto");

/** The format that this program writes; a file with a higher one is refused. */
const STATE_VERSION = 1;

/** How far the recorded part has come. Only `installed` is finished: `installing` and `uninstalling` were cut
 *  off (or could not be undone) and are cleared away first; `updating` is tried again. */
export type Phase = "installed" | "installing" | "updating" | "uninstalling";

export interface StoredRecord extends PartRecord {
  readonly phase: Phase;
}

export interface State {
  /** Names this buildout on labels of its objects. */
  readonly id: string;
  /** Keys the hashes of secrets, so that equal secrets of two buildouts look different. */
  readonly key: string;
  /** Counts the saves; a journal belongs to one of them. */
  readonly generation: number;
  /** In the order in which they were installed. */
  readonly records: Map<string, StoredRecord>;
}

export function newState(): State {
  const { randomBytes } = crypto();
  return {
    id: randomBytes(6).toString("hex"),
    key: randomBytes(16).toString("hex"),
    generation: 0,
    records: new Map(),
  };
}

const HASHED = "secret:";

/** What is recorded instead of a secret. */
export function hashSecret(text: string, key: string): string {
  return HASHED + crypto().createHmac("sha256", key).update(text).digest("hex");
}

export function isHashed(text: string): boolean {
  return text.startsWith(HASHED);
}

/** Thrown for a text that is no state of ours; `newer` where a later program wrote it. */
export class StateFormatError extends Error {
  override readonly name = "StateFormatError";
  readonly newer: boolean;
  constructor(message: string, newer = false) {
    super(message);
    this.newer = newer;
  }
}

type Entries = Record<string, string>;

export function encodeState(state: State): string {
  const sections: Record<string, Entries> = {
    buildout: {
      version: String(STATE_VERSION),
      id: state.id,
      key: state.key,
      generation: String(state.generation),
    },
  };
  for (const record of state.records.values())
    sections[`part:${escapeName(record.part, true)}`] = encodeRecord(record);
  return `; What tsbuildout has installed. Written by it; to change something, edit the buildout file.\n${ini.encode(sections)}`;
}

/** The opposite of encodeState; throws StateFormatError. */
export function decodeState(text: string): State {
  const sections = ini.decode(text) as Record<string, Record<string, unknown>>;
  const head = sections["buildout"];
  const field = (name: string): string => requireText(head?.[name], `[buildout] ${name}`);
  const version = Number(field("version"));
  if (!Number.isInteger(version)) throw new StateFormatError("its version is not a number");
  if (version > STATE_VERSION) throw new StateFormatError(`it has version ${version}`, true);
  const records = new Map<string, StoredRecord>();
  for (const [name, section] of Object.entries(sections)) {
    if (name === "buildout") continue;
    if (!name.startsWith("part:") || typeof section !== "object")
      throw new StateFormatError(`[${name}] is not a part`);
    const part = unescape(name.slice("part:".length));
    records.set(part, decodeRecord(part, section));
  }
  return { id: field("id"), key: field("key"), generation: Number(field("generation")), records };
}

const TABLES = ["options", "inputs", "outputs"] as const;

function encodeRecord(record: StoredRecord): Entries {
  const { recipe, version, installedAt: installed, needs, phase, keep } = record;
  const entries: Entries = { recipe: escapeValue(recipe), version: escapeValue(version), installed };
  // What almost every record would say goes without saying: the file is read at every run.
  if (needs.length > 0) entries["needs"] = needs.map((name) => escapeName(name, false)).join(" ");
  if (phase !== "installed") entries["phase"] = phase;
  if (keep) entries["keep"] = "true";
  for (const table of TABLES)
    for (const [name, text] of Object.entries(record[table]))
      entries[`${table.slice(0, -1)}:${escapeName(name, false)}`] = escapeValue(text);
  record.resources.forEach((resource, index) => {
    for (const [name, text] of Object.entries(resource))
      entries[`resource:${index}:${escapeName(name, false)}`] = escapeValue(text);
  });
  return entries;
}

function decodeRecord(part: string, section: Record<string, unknown>): StoredRecord {
  const tables = { options: table(), inputs: table(), outputs: table() };
  const resources: Record<string, string>[] = [];
  const raw = (name: string, otherwise?: string): string => {
    const value = section[name];
    return requireText(value === undefined ? otherwise : value, `[part:${part}] ${name}`);
  };
  const field = (name: string, otherwise?: string): string => unescape(raw(name, otherwise));
  for (const entry of Object.keys(section)) {
    const colon = entry.indexOf(":");
    if (colon < 0) continue;
    const text = unescape(requireText(section[entry], entry));
    const kind = entry.slice(0, colon);
    const name = entry.slice(colon + 1);
    const target = tables[`${kind}s` as "options"];
    if (target) target[unescape(name)] = text;
    else if (kind === "resource") {
      const at = name.indexOf(":");
      (resources[Number(name.slice(0, at))] ??= table())[unescape(name.slice(at + 1))] = text;
    }
  }
  const { options, inputs, outputs } = tables;
  const needs = raw("needs", "");
  return {
    part,
    recipe: field("recipe"),
    version: field("version"),
    options,
    inputs,
    outputs,
    resources: resources as unknown as Resource[],
    needs: needs === "" ? [] : needs.split(" ").map(unescape),
    keep: field("keep", "false") === "true",
    installedAt: field("installed"),
    phase: readPhase(field("phase", "installed"), part),
  };
}

const PHASES: ReadonlySet<string> = new Set<Phase>(["installed", "installing", "updating", "uninstalling"]);

function readPhase(text: string, part: string): Phase {
  if (!PHASES.has(text)) throw new StateFormatError(`[part:${part}] has the unknown phase "${text}"`);
  return text as Phase;
}

/** Without a prototype, so that an option called `__proto__` or `constructor` is one like any other. */
export function table(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

/** `ini` makes booleans and null of some words; everything we write is text. */
function requireText(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || value === null) return `${value}`;
  throw new StateFormatError(`${what} is missing`);
}

/** Percent escapes for what `ini` would not give back: a line separator that ends its line, a backslash, a
 *  quote at an end, half a surrogate pair. Other texts stay as they are. */
function escapeValue(text: string): string {
  const escaped = text.replace(
    // oxlint-disable-next-line no-control-regex
    /[%\\\p{Cs}\u2028\u2029\u0000-\u0009\u000b-\u001f\u007f\u0085\ufeff]/gu,
    percent,
  );
  return escaped.replace(/^["']|["']$/g, percent);
}

/** For names of sections and options, where brackets, signs and dots have a meaning of their own. */
function escapeName(text: string, isSection: boolean): string {
  if (text === "") return "%";
  const escaped = text.replace(/[^-\p{L}\p{N}_./+@<>*$&~^,!?|()]/gu, percent);
  return isSection ? escaped.replaceAll(".", percent) : escaped;
}

function percent(char: string): string {
  return `%${char.codePointAt(0)!.toString(16).padStart(4, "0")}%`;
}

function unescape(text: string): string {
  if (!text.includes("%")) return text;
  if (text === "%") return "";
  return text.replace(/%([0-9a-f]+)%/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}
