import { execFileSync } from "node:child_process";
import { execInContainer } from "../../src/docker/exec.js";
import type { Engine } from "../../src/docker/engine.js";

/** Prints everything that can be told of a tree by programs that the host and the test image both have. */
const SCRIPT = `cd "$0" && b="busybox"
$b find . -xdev -mindepth 1 -print0 | $b sort -z | $b xargs -0 -r $b stat -c '%F|%a|%u:%g|%s|%h|%t,%T|%y|%N'
$b find . -xdev -type f -print0 | $b sort -z | $b xargs -0 -r $b sha256sum`;

/** A container's tree, seen from inside: kinds, modes, owners, sizes, links, devices, times, names, checksums. */
export async function listContainer(engine: Engine, container: string, path: string): Promise<string[]> {
  const said: Buffer[] = [];
  const complaints: string[] = [];
  const code = await execInContainer(engine, container, {
    cmd: ["busybox", "sh", "-c", SCRIPT, path],
    user: "0",
    onOutput: ({ stream, data }) =>
      void (stream === "stdout" ? said.push(data) : complaints.push(data.toString())),
  });
  if (code !== 0 || complaints.length > 0) throw new Error(`listing ${path} failed: ${complaints.join("")}`);
  return comparable(Buffer.concat(said).toString("latin1"));
}

/** The same of a folder on the host. */
export function listFolder(path: string): string[] {
  return comparable(
    execFileSync("busybox", ["sh", "-c", SCRIPT, path], { env: { ...process.env, TZ: "UTC" } }).toString(
      "latin1",
    ),
  );
}

/** Without the sizes and link counts of folders, which are the file system's own affair. */
function comparable(text: string): string[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.replace(/^(directory\|[^|]*\|[^|]*)\|[^|]*\|[^|]*/, "$1"));
}

/** The same listing with whole seconds. */
export function withoutFractions(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/(:\d\d)\.\d{9}/, "$1.000000000"));
}
