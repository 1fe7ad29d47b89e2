import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RecipeError, type InstallContext, type Schema } from "tsbuildout/recipe";

/** Whether a URL names one of Gentoo's pages that say which stage is the newest. */
export function isLatestPage(url: string): boolean {
  return /\/latest-[^/]+\.txt$/.test(url.replace(/[?#].*$/, ""));
}

export interface Stage {
  readonly url: string;
  /** In bytes, where the page says it. */
  readonly size?: number;
}

/**
 * Reads a `latest-stage3-*.txt`: comments, then `path size` a line, the path relative to the page.
 * @throws RecipeError `gentoo/latest`
 */
export function parseLatest(text: string, url: string): Stage {
  for (const line of signedPart(text).split("\n")) {
    const match = /^([^\s#]+\.tar(?:\.\w+)?)(?:\s+(\d+))?\s*$/.exec(line);
    if (!match) continue;
    return { url: new URL(match[1]!, url).href, ...(match[2] ? { size: Number(match[2]) } : {}) };
  }
  throw new RecipeError({
    code: "gentoo/latest",
    message: `${url} names no stage archive`,
    notes: [`it begins: ${text.slice(0, 80).replaceAll("\n", " ")}`],
    help: ["check the URL: https://distfiles.gentoo.org/releases/<arch>/autobuilds/latest-stage3-….txt"],
  });
}

/** The SHA512 of a file out of a `.DIGESTS`. BLAKE2B digests are as long: the remark above a line says what it is. */
export function parseDigests(text: string, name: string): string | undefined {
  let kind = "";
  for (const line of signedPart(text).split("\n")) {
    kind = /^#\s*(\S+)/.exec(line)?.[1] ?? kind;
    const match = /^([0-9a-f]{128})\s+(\S+)$/.exec(line.trim());
    if (kind === "SHA512" && match?.[2] === name) return `sha512:${match[1]}`;
  }
  return undefined;
}

/** Only what stands between the head of a clear-signed text and its signature; all of a text without. */
function signedPart(text: string): string {
  const plain = text.replaceAll("\r\n", "\n");
  const match =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n([\s\S]*?)\n-----BEGIN PGP SIGNATURE-----/m.exec(
      plain,
    );
  return match ? match[1]!.replaceAll(/^- /gm, "") : plain;
}

type Runner = Pick<InstallContext<Schema>, "run" | "temporaryFolder">;

/**
 * The signed content of a clear-signed file, checked by the system's gpg against one file of keys and nothing else.
 * @throws RecipeError `gentoo/signature`, `program/missing`
 */
export async function verifiedText(context: Runner, file: string, keys: string): Promise<string> {
  const home = await context.temporaryFolder();
  const gpg = [
    "--homedir",
    home,
    "--batch",
    "--no-tty",
    "--no-autostart",
    "--quiet",
    "--trust-model",
    "always",
  ];
  try {
    await writeFile(join(home, "gpg.conf"), "no-auto-key-retrieve\n", { mode: 0o600 });
    await context.run("gpg", [...gpg, "--import", keys], { log: false });
    const out = join(home, "text");
    const status = await context.run(
      "gpg",
      [...gpg, "--status-fd", "1", "--output", out, "--decrypt", file],
      {
        log: false,
      },
    );
    // Without this line gpg has merely unpacked a text that nobody signed.
    if (!/^\[GNUPG:\] VALIDSIG /m.test(status.stdout)) throw new Error("there is no valid signature");
    return await readFile(out, "utf8");
  } catch (error) {
    if (codeOf(error) === "program/missing" || (error as Error).name === "AbortError") throw error;
    throw refused(error, file, keys);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { problem?: { code: string } }).problem?.code;
}

function refused(error: unknown, file: string, keys: string): RecipeError {
  const problem = (error as { problem?: { code: string; notes?: readonly string[] } }).problem;
  const message = error instanceof Error ? error.message : String(error);
  return new RecipeError(
    {
      code: "gentoo/signature",
      message: `the signature of ${file} could not be verified`,
      notes: [`keys: ${keys}`, message, ...(problem?.notes ?? [])],
      help: ["check archives-key; Gentoo's release keys are at https://www.gentoo.org/downloads/signatures/"],
      option: "archives-key",
    },
    { cause: error },
  );
}
