// Removes from dist what has no source any more: the compiler leaves it there, and tests would run it.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

const COMPILED = /\.(d\.ts|js)$/;

for (const folder of ["src", "test", "bench"]) {
  const root = join("dist", folder);
  if (!existsSync(root)) continue;
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const source = relative("dist", file).replace(COMPILED, ".ts");
    if (entry.isFile() && COMPILED.test(file) && !existsSync(source)) rmSync(file);
  }
}
