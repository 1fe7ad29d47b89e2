import { resolve } from "node:path";
import { isPipe, readUpTo } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import type { Secret } from "./build-options.js";

/** What a secret may hold (BuildKit's own limit), in bytes. */
const LIMIT = 500 * 1024;

/** The values of secrets, by id. @throws a problem `build/secret` where one is not there or too long */
export async function readSecrets(
  context: Context,
  secrets: readonly Secret[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  for (const secret of secrets) values.set(secret.id, await readSecret(context, secret));
  return values;
}

/**
 * Of secrets that another program reads: whether they are there; and what a step prints of them is not to be seen.
 * @throws a problem `build/secret`
 */
export async function checkSecrets(context: Context, secrets: readonly Secret[]): Promise<void> {
  for (const secret of secrets) {
    // What comes out of a pipe comes once, and not to us.
    if (secret.file === undefined || !(await isPipe(secretPath(context, secret.file))))
      await readSecret(context, secret);
  }
}

/** @returns the value, which no log shows from now on */
async function readSecret(context: Context, secret: Secret): Promise<Uint8Array> {
  const text = valueOf(context, secret);
  const value = text === undefined ? await fileOf(context, secret) : Buffer.from(text);
  if (value.length > LIMIT) throw problem(`the secret "${secret.id}" has more than ${LIMIT} bytes`);
  hide(context, value);
  return value;
}

async function fileOf(context: Context, secret: Secret): Promise<Uint8Array> {
  const path = secretPath(context, secret.file ?? secret.id);
  try {
    // As with the docker CLI it may be a pipe that somebody writes to, or a device.
    return await readUpTo(path, { limit: LIMIT + 1, signal: context.signal });
  } catch (error) {
    context.signal.throwIfAborted();
    throw unreadable(secret, path, error);
  }
}

function valueOf(context: Context, secret: Secret): string | undefined {
  const value = variableOf(context, secret);
  if (secret.variable === undefined || context.env[secret.variable] !== undefined) return value;
  // As buildx and Compose have it: a build may do without, and its Dockerfile says so (`required=true`, `test -s`).
  context.warn({
    code: "build/secret-empty",
    message: `the secret "${secret.id}" is empty: the variable ${secret.variable} is not set`,
    help: ["set the variable, or leave the secret away"],
    option: "secrets",
  });
  return value;
}

/** As with the docker CLI, a bare id is a variable of that name, else a file of that name: then undefined. */
export function variableOf(
  { env }: Pick<Context, "env">,
  { id, file, variable }: Secret,
): string | undefined {
  if (variable !== undefined) return env[variable] ?? "";
  return file === undefined ? env[id] : undefined;
}

function unreadable({ id }: Secret, path: string, error: unknown): RecipeError {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `there is no file ${path}`,
    EISDIR: `${path} is a folder`,
  };
  return problem(`the secret "${id}" cannot be read: ${reasons[code] ?? message}`);
}

export function secretPath({ buildout, home }: Context, file: string): string {
  return resolve(buildout.directory, file.startsWith("~/") ? home + file.slice(1) : file);
}

/** A step that prints its secret must not show it here. Short texts would blot out half of the log. */
function hide(context: Context, value: Uint8Array): void {
  const text = Buffer.from(value).toString();
  for (const line of [text, ...text.split("\n")]) if (line.trim().length >= 4) context.secret(line.trim());
}

function problem(message: string): RecipeError {
  return new RecipeError({ code: "build/secret", message, option: "secrets" });
}
