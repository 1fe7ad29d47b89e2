import { jsonObject } from "./json-object.js";

/** What went wrong, in the form in which a user is told. The engine room turns an Error that has one into a Diagnostic. */
export interface Problem {
  /** Stable, `room/what`: explained in docs/diagnostics.md. */
  readonly code: string;
  readonly message: string;
  readonly notes?: readonly string[];
  /** What to do next, one sentence each. */
  readonly help?: readonly string[];
  /** The option that is to blame, so that the caret can point at its value. */
  readonly option?: string;
}

export interface DockerErrorOptions extends ErrorOptions {
  /** The HTTP status with which the Docker engine refused. Absent where it was not an engine that refused. */
  readonly statusCode?: number;
}

/** Everything that this room throws on purpose. Decisions are taken on `statusCode` and `problem.code`, never on a text. */
export class DockerError extends Error {
  override readonly name = "DockerError";
  readonly problem: Problem;
  readonly statusCode?: number;

  constructor(problem: Problem, options: DockerErrorOptions = {}) {
    super(problem.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.problem = problem;
    if (options.statusCode !== undefined) this.statusCode = options.statusCode;
  }
}

/** 404: the engine has no such object. Of a registry's answer see isMissing. */
export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);

/** The engine's API has no such call: podman's has not all of Docker's. */
export const isUnknownCall = (error: unknown): boolean =>
  error instanceof DockerError && error.problem.code === "engine/unknown-call";

/** An answer or a process's output that broke off. */
export const isCutOff = (error: unknown): boolean =>
  error instanceof DockerError && error.problem.code === "engine/cut-off";

/** The name is taken, or the object is in use or in the wrong state. */
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);

/** 304: the object is already as asked for (a container that was started or stopped twice). */
export const isNotModified = (error: unknown): boolean => hasStatus(error, 304);

/** Whether this is an engine's refusal with that HTTP status; false for anything else that was thrown. */
export function hasStatus(error: unknown, statusCode: number): boolean {
  return error instanceof DockerError && error.statusCode === statusCode;
}

export interface ApiAnswer {
  readonly method: string;
  /** Without query: a query may hold what nobody should read. */
  readonly path: string;
  readonly statusCode: number;
  readonly body: string;
}

/** The error for an answer with a status that says no. The engine's own words are the message. */
export function apiError(answer: ApiAnswer): DockerError {
  const { statusCode } = answer;
  // Docker and podman say in JSON what is not found; where there is no such call at all, podman says so in plain text.
  const unknownCall = statusCode === 404 && !answer.body.trim().startsWith("{");
  const code = unknownCall ? "engine/unknown-call" : apiCode(statusCode);
  const problem: Problem = {
    code,
    message: apiMessage(answer.body) || `the Docker engine answered with HTTP status ${statusCode}`,
    notes: [`${answer.method} ${answer.path} was answered with ${statusCode}`],
    ...(code === "engine/not-found" && { help: [CHECK_NAME] }),
  };
  return new DockerError(problem, { statusCode });
}

const CHECK_NAME =
  "check its name, and that it is on this engine: docker ps -a, docker images, docker network ls, docker volume ls";

function apiCode(statusCode: number): string {
  if (statusCode === 404) return "engine/not-found";
  if (statusCode === 409) return "engine/conflict";
  if (statusCode === 401 || statusCode === 403) return "engine/denied";
  return statusCode >= 500 ? "engine/failed" : "engine/refused";
}

interface ErrorAnswer {
  readonly message?: unknown;
  /** Podman puts into the answer what Docker puts into the stream. */
  readonly errorDetail?: { readonly message?: unknown };
}

function apiMessage(body: string): string {
  const answer: ErrorAnswer | undefined = jsonObject(body);
  const said = answer?.message ?? answer?.errorDetail?.message;
  if (typeof said === "string") return said.trim();
  // A proxy in front of the engine, or an engine older than the API: text as it is, but pages are for browsers.
  return body.trim().startsWith("<") ? "" : body.trim().slice(0, 2000);
}

/** The message of anything that was thrown, for a note. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of the failure where what answers does not speak HTTP, as Node's own client has several. */
export const NOT_HTTP = "NOT_HTTP";

/** The `code` of a system error (`ENOENT`, `ECONNREFUSED`), where it has one. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) return systemCode(error.errors[0]);
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "it is not a folder",
  EISDIR: "it is a folder",
  EFTYPE: "it is not a file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENAMETOOLONG: "its name is too long",
  ELOOP: "its links go round in a circle",
};

/** Why a file cannot be read, in words; another code as it is. */
export function fileReason(code: string): string {
  return REASONS[code] ?? code;
}
