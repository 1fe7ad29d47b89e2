import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { engineRequest } from "./engine.js";

/** Debian's packages libcap2-bin and attr. */
const TOOLS = ["getcap", "setcap", "getfattr"];

/** Gives a container the programs that tell of capabilities and attributes, with the libraries that they need. */
export async function installAttributeTools(container: string): Promise<void> {
  const programs = TOOLS.map((name) => ({ name: `bin/${name}`, path: find(name) }));
  const needed = new Set(programs.flatMap(({ path }) => libraries(path)));
  const archive = pack();
  for (const { name, path } of programs) archive.entry({ name, mode: 0o755 }, readFileSync(path));
  for (const path of needed) archive.entry({ name: path.slice(1), mode: 0o755 }, readFileSync(path));
  archive.finalize();
  const { status, body } = await engineRequest({
    method: "PUT",
    path: `/containers/${container}/archive?path=/`,
    body: await buffer(archive),
  });
  if (status !== 200) throw new Error(`cannot bring ${TOOLS.join(", ")}: ${status} ${body.toString()}`);
}

function find(program: string): string {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  return execFileSync("sh", ["-c", 'command -v "$0"', program], { env, encoding: "utf8" }).trim();
}

/** Where the loader finds them, and the loader itself. */
function libraries(program: string): string[] {
  return [...execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)].map(
    ([, path = ""]) => path,
  );
}
