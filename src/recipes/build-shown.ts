/** Passwords that would stand among a program's arguments, which every user of the machine can read. */
import { RecipeError, type Context } from "tsbuildout/recipe";
import type { BuildOptions } from "./build-spec.js";

type Shown = Pick<Context, "env" | "secret">;

/** Of what only buildx does. @throws a problem `build/secret-shown` */
export function refuseShown(
  context: Shown,
  options: Pick<BuildOptions, "build-contexts" | "cache-from" | "cache-to">,
): void {
  for (const option of ["cache-from", "cache-to"] as const)
    for (const line of options[option]) {
      const [, what = "", value] = SECRET_FIELD.exec(line) ?? [];
      refuseIn(context, { option, what, value, help: cacheHelp(line) });
    }
  for (const [name, where = ""] of options["build-contexts"]) {
    const what = `the URL of ${name}`;
    refuseIn(context, { option: "build-contexts", what, value: passwordIn(where), help: CONTEXT_HELP });
  }
}

/** Of build arguments that may not be variables of buildx itself. @throws a problem `build/secret-shown` */
export function refuseShownArgs(context: Shown, buildArgs: Readonly<Record<string, string>>): void {
  for (const [what, text] of Object.entries(buildArgs)) {
    if (!/_PROXY$/i.test(what) || context.env[what] === text) continue;
    const help = `set ${what} in the environment, and write its name alone`;
    refuseIn(context, { option: "build-args", what, value: passwordIn(text), help });
  }
}

/** Of buildx's caches: https://docs.docker.com/build/cache/backends/. */
const SECRET_FIELD = /(?:^|,)\s*"?(secret_access_key|session_token|token)\s*=\s*([^,]+)/i;

function cacheHelp(line: string): string {
  if (/type\s*=\s*s3\b/i.test(line))
    return "leave the keys away, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a profile of AWS";
  if (/type\s*=\s*gha\b/i.test(line))
    return "leave it away, and set ACTIONS_RUNTIME_TOKEN in the environment";
  return "leave it away, and give the builder itself the login";
}

const CONTEXT_HELP =
  "leave the login away; for a git repository set secrets = id=GIT_AUTH_TOKEN,env=VARIABLE in its place";

/** To a web server a name alone may be a token. */
function passwordIn(url: string): string | undefined {
  const [, ofWeb, ofOther] =
    /^https?:\/\/(?:[^/?#@:]*:)?([^/?#@]+)@|^[a-z][\w+.-]*:\/\/[^/?#@:]*:([^/?#@]+)@/i.exec(url) ?? [];
  return ofWeb ?? ofOther;
}

interface Found {
  readonly option: string;
  readonly what: string;
  /** The password, if there is one. */
  readonly value: string | undefined;
  readonly help: string;
}

function refuseIn(context: Shown, { option, what, value, help }: Found): void {
  if (value === undefined) return;
  context.secret(value);
  throw new RecipeError({
    code: "build/secret-shown",
    message: `${option}: buildx takes ${what} as an argument, which every user of this machine can read`,
    help: [help],
    option,
  });
}
