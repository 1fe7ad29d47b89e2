import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Path inside the folder -> content. */
export type Files = Readonly<Record<string, string>>;

const folders: string[] = [];

// When the run ends rather than after each test: a folder made by a `before` lives for its whole suite.
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new temporary folder with the given files in it, removed when the run ends. */
export async function temporaryFolder(files: Files = {}): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "tsbuildout-test-")));
  folders.push(folder);
  await writeFiles(folder, files);
  return folder;
}

/** Writes files below a folder, making the folders in between. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

/** Of a file that is being written by somebody else. */
export async function contentOf(path: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (text.endsWith("\n")) return text;
  }
}
