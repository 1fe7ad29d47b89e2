import ini from "ini";
import type { Resource } from "./contract.js";
import { isResource, type Phase, type State, type StoredRecord, table } from "./state.js";

/** The format that this program writes; a file with a higher one is refused. */
const STATE_VERSION = 1;

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
      ...(state.folder !== undefined && { folder: escapeValue(state.folder) }),
      ...(state.configuration !== undefined && { configuration: escapeValue(state.configuration) }),
    },
  };
  for (const record of state.records.values())
    sections[`part:${escapeName(record.part, true)}`] = encodeRecord(record);
  return `; What tsbuildout has installed. Written by it; to change something, edit the buildout file.\n${ini.encode(sections)}`;
}

/** The opposite of encodeState; throws StateFormatError. */
export function decodeState(text: string): State {
  if (text !== "" && !text.endsWith("\n")) throw new StateFormatError("it ends in the middle of a line");
  let head: Omit<State, "records"> | undefined;
  const records = new Map<string, StoredRecord>();
  for (const [name, entries] of sectionsOf(text)) {
    if (name === "buildout") head = decodeHead(entries);
    else if (!name.startsWith("part:")) throw new StateFormatError(`[${name}] is not a part`);
    else {
      const part = unescape(name.slice("part:".length));
      records.set(part, decodeRecord(part, entries));
    }
  }
  return { ...(head ?? decodeHead(new Map())), records };
}

type Section = [name: string, entries: Map<string, string>];

/** The sections one by one, so that a newer version is known before what is new in it is come upon. Every run reads
 *  the whole file, and ini.decode takes five times as long. */
function* sectionsOf(text: string): Generator<Section> {
  let section: Section | undefined;
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    const equals = line.indexOf("=");
    if (line.startsWith("[")) {
      if (section) yield section;
      section = [line.slice(1, line.lastIndexOf("]")), new Map()];
    } else if (equals > 0 && section) section[1].set(line.slice(0, equals), plain(line.slice(equals + 1)));
    else if (line.trim() !== "" && !line.startsWith(";"))
      throw new StateFormatError(`line ${number} cannot be read`);
  }
  if (section) yield section;
}

/** A value as it was before `ini` wrote it. */
function plain(written: string): string {
  const value = written.trim();
  return /["';#\\]/.test(value) ? ini.unsafe(value) : value;
}

function decodeHead(entries: ReadonlyMap<string, string>): Omit<State, "records"> {
  const field = (name: string): string => required(entries.get(name), `[buildout] ${name}`);
  const version = Number(field("version"));
  if (!Number.isInteger(version)) throw new StateFormatError("its version is not a number");
  if (version > STATE_VERSION) throw new StateFormatError(`it has version ${version}`, true);
  const generation = Number(field("generation"));
  if (!Number.isInteger(generation)) throw new StateFormatError("[buildout] generation is not a number");
  const optional = (name: "folder" | "configuration"): Partial<State> => {
    const text = entries.get(name);
    return text === undefined ? {} : { [name]: unescape(text) };
  };
  return {
    id: field("id"),
    key: field("key"),
    generation,
    ...optional("folder"),
    ...optional("configuration"),
  };
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

function decodeRecord(part: string, entries: ReadonlyMap<string, string>): StoredRecord {
  const tables = { options: NOTHING, inputs: NOTHING, outputs: NOTHING };
  const resources = new Map<string, Entries>();
  for (const [entry, written] of entries) {
    const colon = entry.indexOf(":");
    if (colon < 0) continue;
    const kind = `${entry.slice(0, colon)}s`;
    const name = entry.slice(colon + 1);
    if (kind === "resources") {
      const at = name.indexOf(":");
      const number = name.slice(0, at);
      const resource = resources.get(number) ?? table();
      resource[unescape(name.slice(at + 1))] = unescape(written);
      resources.set(number, resource);
    } else if (isTable(kind)) {
      if (tables[kind] === NOTHING) tables[kind] = table();
      tables[kind][unescape(name)] = unescape(written);
    }
  }
  const field = (name: string, otherwise?: string): string =>
    unescape(required(entries.get(name) ?? otherwise, `[part:${part}] ${name}`));
  const needs = entries.get("needs") ?? "";
  return {
    part,
    recipe: field("recipe"),
    version: field("version"),
    options: tables.options,
    inputs: tables.inputs,
    outputs: tables.outputs,
    resources: [...resources].map(([number, resource]) =>
      whole(resource, `[part:${part}] resource:${number}`),
    ),
    needs: needs === "" ? [] : needs.split(" ").map(unescape),
    keep: field("keep", "false") === "true",
    installedAt: field("installed"),
    phase: readPhase(field("phase", "installed"), part),
  };
}

function whole(resource: Entries, what: string): Resource {
  if (!isResource(resource)) throw new StateFormatError(`${what} has no kind or no name`);
  return resource;
}

/** Most records have no inputs or no outputs: one table for all of them. */
const NOTHING: Entries = Object.freeze(table());

function isTable(kind: string): kind is (typeof TABLES)[number] {
  return (TABLES as readonly string[]).includes(kind);
}

const PHASES: ReadonlySet<string> = new Set<Phase>(["installed", "installing", "updating", "uninstalling"]);

function readPhase(text: string, part: string): Phase {
  if (!PHASES.has(text)) throw new StateFormatError(`[part:${part}] has the unknown phase "${text}"`);
  return text as Phase;
}

function required(value: string | undefined, what: string): string {
  if (value === undefined) throw new StateFormatError(`${what} is missing`);
  return value;
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

/** Of Unicode. */
const LAST_CHARACTER = 0x10ffff;

function percent(char: string): string {
  return `%${char.codePointAt(0)!.toString(16).padStart(4, "0")}%`;
}

function unescape(text: string): string {
  if (!text.includes("%")) return text;
  if (text === "%") return "";
  return text.replace(/%([0-9a-f]+)%/g, (escape, hex: string) => {
    const point = Number.parseInt(hex, 16);
    if (point > LAST_CHARACTER) throw new StateFormatError(`${escape} is no character`);
    return String.fromCodePoint(point);
  });
}
