import { appendFile, readFile } from "node:fs/promises";

/** Adds versions to a file, under `[versions]`, for those that it does not pin yet; as zc.buildout does, at its end, where
 *  another section may be the last. */
export async function writePicked(
  path: string,
  picked: ReadonlyMap<string, string>,
  now: Date,
): Promise<void> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const last = [...text.matchAll(/^\[[^\]]*\]/gm)].at(-1)?.[0];
  const header = last === "[versions]" ? [] : ["[versions]"];
  const day = now.toISOString().slice(0, 10);
  const lines = [...picked].sort(byName).map(([name, version]) => `${name} = ${version}`);
  const gap = text === "" || text.endsWith("\n") ? "" : "\n";
  await appendFile(path, `${gap}\n${[...header, `# Picked by tsbuildout on ${day}`, ...lines].join("\n")}\n`);
}

export function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
