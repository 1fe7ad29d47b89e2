/** Security options: what the docker CLI itself makes of some of them before an engine hears of it. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { Engine } from "tsbuildout/docker";
import { RecipeError, type Context, type DecodeContext } from "tsbuildout/recipe";
import { readGiven } from "./given-file.js";

type Reading = Pick<Context, "shared" | "signal">;

/** Those that are the engine's own and no files. */
const PROFILES = new Set(["unconfined", "builtin"]);

/** As on the command line; the file of a seccomp profile gets its whole path. */
export function parseSecurity(text: string, { directory, home }: DecodeContext): string {
  const file = profileOf(text);
  if (file === undefined) return text;
  return `seccomp=${resolve(directory, file.startsWith("~/") ? home + file.slice(1) : file)}`;
}

/** The path in `seccomp=PATH`; undefined for everything else, a profile that is written out included. */
function profileOf(text: string): string | undefined {
  const file = /^seccomp[=:]([^{].*)$/.exec(text)?.[1];
  return file === undefined || PROFILES.has(file) ? undefined : file;
}

/** What of a container's HostConfig the options come to (`docker run --security-opt`). */
export async function securityConfig(
  context: Reading,
  options: readonly string[],
  { libpod }: Pick<Engine, "libpod">,
): Promise<object> {
  if (options.length === 0) return {};
  const open = options.includes("systempaths=unconfined");
  const rest = options.filter((text) => text !== "systempaths=unconfined");
  return {
    // Podman takes the path of a profile on its own host, which is where it is as long as that is this one.
    SecurityOpt: libpod ? rest : await Promise.all(rest.map((text) => sent(context, text))),
    // The engine hides and protects some of /proc and /sys unless it is told what.
    ...(open ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
  };
}

async function sent(context: Reading, text: string): Promise<string> {
  const file = profileOf(text);
  return file === undefined ? text : `seccomp=${await readProfile(context, file)}`;
}

/** The digests of the profiles, as inputs of the part. */
export async function securityInputs(
  context: Reading,
  options: readonly string[],
): Promise<Record<string, string>> {
  const inputs: Record<string, string> = {};
  for (const file of options.flatMap((text) => profileOf(text) ?? []))
    inputs[`${INPUT}${file}`] = createHash("sha256")
      .update(await readProfile(context, file))
      .digest("hex");
  return inputs;
}

const INPUT = "seccomp profile ";

export const isSecurityInput = (name: string): boolean => name.startsWith(INPUT);

/** The engine's host may be another one: it is sent the profile, and not where it is. */
async function readProfile(context: Reading, file: string): Promise<string> {
  try {
    return JSON.stringify(JSON.parse(await readGiven(context, file)));
  } catch (error) {
    context.signal.throwIfAborted();
    throw new RecipeError(
      {
        code: "option/value",
        message: `${file} is not a seccomp profile: ${(error as Error).message}`,
        help: ["name a JSON file, or write seccomp=unconfined"],
        option: "security-opt",
      },
      { cause: error },
    );
  }
}
