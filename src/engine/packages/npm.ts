import { RecipeLoadError } from "./error.js";

export interface NpmRun {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** What is being had, for messages: `my-recipe@^1.2`. */
  readonly wanted: string;
}

/** npm's own error code (https://docs.npmjs.com/cli/using-npm/logging) -> what it means here. */
const MEANINGS: Readonly<Record<string, readonly [code: string, what: string, help: string]>> = {
  E404: [
    "recipe/no-package",
    "the registry has no such package",
    "correct the name (recipes are JavaScript packages, none of Python), or install the package beside the buildout file yourself",
  ],
  ETARGET: ["recipe/no-version", "no version of it fits", "correct its range in [versions]"],
  EINTEGRITY: [
    "recipe/integrity",
    "what came is not what the lockfile says",
    "if the package was published anew on purpose, remove .tsbuildout/packages/package-lock.json",
  ],
};
const UNREACHABLE = [
  "ENOTFOUND",
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "ENETUNREACH",
  "EIDLETIMEOUT",
];

const QUIET = {
  NO_UPDATE_NOTIFIER: "1",
  npm_config_loglevel: "error",
  npm_config_fund: "false",
  npm_config_audit: "false",
};
/** Milliseconds between tries. npm's own, from ten seconds to a minute, leave people at a screen that says nothing. */
const PATIENCE = { npm_config_fetch_retry_mintimeout: "500", npm_config_fetch_retry_maxtimeout: "3000" };

/** Runs npm, whose words are of no interest unless it fails. @throws RecipeLoadError */
export async function runNpm({ args, cwd, env, signal, wanted }: NpmRun): Promise<string> {
  const { execa } = await import("execa");
  try {
    const how = {
      cwd,
      env: { ...PATIENCE, ...env, ...QUIET },
      extendEnv: false,
      cancelSignal: signal,
      stdin: "ignore" as const,
    };
    return (await execa("npm", args, how)).stdout;
  } catch (error) {
    signal.throwIfAborted();
    throw npmError(error as { code?: string; stderr?: string; message: string }, wanted);
  }
}

function npmError(
  error: { code?: string; stderr?: string; message: string },
  wanted: string,
): RecipeLoadError {
  const cause = { cause: error };
  if (error.code === "ENOENT") {
    const help = ["install npm, or install the package beside the buildout file yourself"];
    return new RecipeLoadError(
      "recipe/no-npm",
      `${wanted} cannot be installed: there is no npm on PATH`,
      help,
      cause,
    );
  }
  const said = (error.stderr ?? "").split("\n").map((line) => line.replace(/^npm (error|ERR!) ?/, ""));
  const code =
    said
      .find((line) => line.startsWith("code "))
      ?.slice(5)
      .trim() ?? "";
  const known = MEANINGS[code];
  if (known)
    return new RecipeLoadError(
      known[0],
      `${wanted} cannot be installed: ${known[1]} (${code})`,
      [known[2]],
      cause,
    );
  if (UNREACHABLE.includes(code)) {
    const help = ["see that the registry can be reached, or run with -o to use what is there"];
    return new RecipeLoadError(
      "recipe/registry",
      `${wanted} cannot be installed: the registry does not answer (${code})`,
      help,
      cause,
    );
  }
  // A script of the package that fails has its exit code in the place of a name.
  const script = /^\d+$/.test(code);
  const what = script
    ? `a script of it failed with exit code ${code}`
    : `npm failed${code === "" ? "" : ` (${code})`}`;
  const last = said.filter((line) => line !== "" && !line.startsWith("A complete log")).slice(-12);
  return new RecipeLoadError(
    script ? "recipe/install-script" : "recipe/npm",
    `${wanted} cannot be installed: ${what}`,
    last,
    cause,
  );
}
