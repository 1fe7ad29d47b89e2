import { createHmac, randomBytes } from "node:crypto";
import type { PartRecord, Resource } from "./contract.js";

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
  /** The folder that the file was last saved in; undefined where it was not yet, or by an older program. */
  readonly folder?: string | undefined;
  /** The file that the last install was of, by `configurationName`; undefined as above. */
  readonly configuration?: string | undefined;
  /** In the order in which they were installed. */
  readonly records: Map<string, StoredRecord>;
}

export function newState(): State {
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
  return HASHED + createHmac("sha256", key).update(text).digest("hex");
}

export function isHashed(text: string): boolean {
  return text.startsWith(HASHED);
}

/** Without a prototype, so that an option called `__proto__` or `constructor` is one like any other. */
export function table(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

/** Whether what was read is a whole record: nobody looks again. */
export function isRecord(value: unknown): value is StoredRecord {
  if (!isObject(value)) return false;
  const { part, recipe, version, installedAt, phase, options, inputs, outputs, needs, resources } = value;
  return (
    [part, recipe, version, installedAt, phase].every((field) => typeof field === "string") &&
    [options, inputs, outputs].every(isObject) &&
    Array.isArray(needs) &&
    Array.isArray(resources) &&
    resources.every(isResource)
  );
}

export function isResource(value: unknown): value is Resource {
  return isObject(value) && typeof value["kind"] === "string" && typeof value["name"] === "string";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
