import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

type Metafile = Readonly<Record<string, { readonly inputs: Readonly<Record<string, unknown>> }>>;

/**
 * The sources that a run of the bundled program loads, as paths from the project's folder. V8's coverage lists
 * every script that ran; the bundler's record says which sources each chunk was made of.
 * @param run is given the environment to run the program with
 */
export async function loadedSources(
  project: string,
  run: (env: { readonly NODE_V8_COVERAGE: string }) => Promise<unknown>,
): Promise<{ readonly chunks: string[]; readonly sources: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "tsbuildout-coverage-"));
  try {
    await run({ NODE_V8_COVERAGE: folder });
    const reports = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
    const urls = reports.flatMap((text) => (JSON.parse(text) as Coverage).result.map(({ url }) => url));
    const files = urls.filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url));
    const chunks = [...new Set(files.map((file) => relative(project, file)))].sort();
    const meta = JSON.parse(readFileSync(join(project, "dist/bundle-meta.json"), "utf8")) as Metafile;
    const sources = chunks.flatMap((chunk) => Object.keys(meta[chunk]?.inputs ?? { [chunk]: {} }));
    return { chunks, sources: [...new Set(sources)].sort() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
