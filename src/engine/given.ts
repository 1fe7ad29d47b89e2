import { inspect } from "node:util";

/** What is no text, in a message: whatever it is, telling of it does not fail. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value;
  return value instanceof Error ? String(value) : inspect(value, { breakLength: Infinity });
}

/** What was thrown, in the midst of a message: without the name of its class. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : shown(thrown);
}

/** The compiler sees to it that recipes hand over texts, but not where one is written in plain JavaScript. What is none
 *  would be recorded, and be in the way of every run from then on. */
export function requireText(value: unknown, what: string): void {
  if (typeof value !== "string") throw new TypeError(`${what} is a text, not ${typeof value}`);
}

/** The same for texts by name: of a list or a Map, nothing would be recorded. */
export function requireTable(value: unknown, what: string): void {
  if (typeof value !== "object" || value === null || Symbol.iterator in value)
    throw new TypeError(`${what} are { name: text }, not ${kindOf(value)}`);
}

/** `Map`, `Number`, `Undefined`, … */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** The same for a problem: of one without its text nobody would learn what it was. */
export function requireProblem(problem: unknown): void {
  const { code, message } = Object(problem) as { code?: unknown; message?: unknown };
  if (typeof code !== "string" || typeof message !== "string")
    throw new TypeError(`a problem is { code, message }, not ${shown(problem)}`);
}
