import path from "node:path";
import { DiagnosticError } from "../diagnostic.js";
import type { Assignments } from "./assignment.js";
import { expanded } from "./directories.js";
import type { Fetching } from "./download.js";
import { type Merged, update } from "./merge.js";
import { configError } from "./mistakes.js";
import type { Value } from "./model.js";
import type { LoadRequest } from "./request.js";
import { hasReference } from "./template.js";
import type { FileNode } from "./tree.js";

/** Seconds that a server may be silent where `socket-timeout` (`-t`) says nothing. */
const PATIENCE = 10;

/**
 * The rules for downloading what a file extends: the built-in options, the user's, the main file's own, then the
 * command line's. What the main file extends is not yet known and has no say. Throws a DiagnosticError.
 */
export function fetching(known: {
  readonly base: Merged;
  readonly main: FileNode | undefined;
  readonly assignments: Assignments;
  readonly request: LoadRequest;
}): Fetching {
  const { request, main } = known;
  const values = new Map(known.base.get("buildout")?.options);
  const own = main?.scanned.sections.get("buildout");
  if (own) update(values, own);
  const assigned = known.assignments.get("buildout");
  if (assigned) update(values, assigned);
  return {
    cache: cacheDirectory(values.get("extends-cache"), values, request),
    offline: isTrue("offline", values.get("offline")),
    newest: isTrue("newest", values.get("newest")),
    timeout: seconds(values.get("socket-timeout")),
    environment: request.env,
    signal: request.signal,
  };
}

function cacheDirectory(
  value: Value | undefined,
  values: ReadonlyMap<string, Value>,
  { cwd, home }: LoadRequest,
): string | undefined {
  if (!value || value.text === "") return undefined;
  if (hasReference(value.text, "both")) {
    const message = "extends-cache is needed before any reference can be resolved";
    throw new DiagnosticError([
      configError("bad-value", message, { span: value.span, help: ["give it a plain path"] }),
    ]);
  }
  const { source } = value.span;
  const base = source.lineless
    ? path.resolve(cwd, values.get("directory")?.text ?? "")
    : path.dirname(path.resolve(cwd, source.name));
  return path.resolve(base, expanded(value.text, home));
}

function isTrue(name: string, value: Value | undefined): boolean {
  if (!value || value.text === "false") return false;
  if (value.text === "true") return true;
  const message = `${name} is "true" or "false", not "${value.text}"`;
  throw new DiagnosticError([configError("bad-value", message, { span: value.span })]);
}

function seconds(value: Value | undefined): number {
  if (!value || value.text === "") return PATIENCE;
  const number = Number(value.text);
  if (number > 0) return number;
  const message = `socket-timeout is a number of seconds, not "${value.text}"`;
  throw new DiagnosticError([configError("bad-value", message, { span: value.span })]);
}
