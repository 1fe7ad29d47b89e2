import { spawn } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { projectFolder, testEnvironment } from "./cli.js";

/** A block of a page: a file that the page shows, or what somebody types and sees. */
export type Block =
  | { readonly kind: "file"; readonly text: string }
  | { readonly kind: "session"; readonly exchanges: readonly Exchange[] };

interface Exchange {
  readonly command: string;
  /** What the page says comes back, both streams together. */
  readonly output: string;
}

/** The configurations and the terminal sessions of a page, in its order. */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(ini|console)\n([^]*?)^```$/gm)].map(([, kind, text = ""]) =>
    kind === "ini" ? { kind: "file", text } : { kind: "session", exchanges: exchangesOf(text) },
  );
}

function exchangesOf(text: string): Exchange[] {
  return text
    .split(/^\$ /m)
    .filter((piece) => piece.trim() !== "")
    .map((piece) => {
      const [command = "", ...output] = piece.split("\n");
      return { command, output: output.join("\n").trim() };
    });
}

/**
 * What must be equal of two outputs: all but durations, ids, addresses, what came out of a cache, and the order in which parts that work at once have
 * their say. JSON is compared as data: a page shows it with room.
 */
export function comparable(output: string): unknown {
  const text = output
    .replace(/\b(\d+ min )?\d+(\.\d+)? (ms|s)\b/g, "N s")
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z\b/g, "TIME")
    .replace(/\b(sha256:)?[0-9a-f]{12,64}\b/g, "ID")
    .replace(/\b\d{1,3}(\.\d{1,3}){3}(\/\d+)?\b/g, "ADDRESS")
    .replace(/^(\S+ \| \[.*): cached$/gm, "$1")
    .trim();
  if (text.startsWith("{")) return JSON.parse(text);
  return byPart(text.split("\n"));
}

/** The lines of each part together (an engine's own words about a build differ from version to version); the rest as it is. */
function byPart(lines: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const parts: Record<string, string[]> = {};
  for (const line of lines) {
    const [, part = "", log] =
      /^([a-z][\w-]*)(?: \| (.*)|: (?:install|uninstall|update|reinstall|failed|skipped).*)$/.exec(line) ??
      [];
    if (log !== undefined && !/^\[\d/.test(log)) continue;
    (parts[part] ??= []).push(line);
  }
  return parts;
}

/** Where a page's sessions are run: a folder with `tsbuildout` on the PATH. */
export async function shellIn(folder: string): Promise<(command: string) => Promise<string>> {
  const bin = join(folder, ".bin");
  await mkdir(bin, { recursive: true });
  const program = join(projectFolder, "dist/bundle/tsbuildout.cjs");
  await writeFile(join(bin, "tsbuildout"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  await chmod(join(bin, "tsbuildout"), 0o755);
  const env = testEnvironment(folder);
  env["PATH"] = `${bin}${delimiter}${env["PATH"]}`;
  return (command) =>
    new Promise((resolve, reject) => {
      // One pipe for both streams, as on a terminal: which line came first counts.
      const child = spawn("sh", ["-c", `exec 2>&1\n${command}`], {
        cwd: folder,
        env,
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      child.on("error", reject);
      child.on("close", () => resolve(text));
    });
}
