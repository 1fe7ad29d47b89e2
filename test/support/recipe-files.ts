/** Recipes as files beside a buildout, for tests that run the program itself. */

/** Waits for `go-PART` after it has said that it began; its uninstall says so too. */
export const WAITING = `
import { watch } from "node:fs";
import { access, writeFile, rm } from "node:fs/promises";
import { join } from "node:path";
export default {
  doc: "Waits for a file.",
  version: "1",
  options: {},
  async install({ part, buildout, created, log, signal }) {
    await created({ kind: "thing", name: part });
    await writeFile(join(buildout.directory, "thing-" + part), "x");
    log("waiting");
    await new Promise((resolve, reject) => {
      const watcher = watch(buildout.directory, () => look());
      const end = (how) => (value) => { watcher.close(); how(value); };
      const look = () => access(join(buildout.directory, "go-" + part)).then(end(resolve), () => {});
      signal.addEventListener("abort", () => end(reject)(signal.reason), { once: true });
      look();
    });
  },
  async look() { return new Map(); },
  async uninstall({ part, buildout, log, because }) {
    if (because === "failed" && process.env.STUBBORN) {
      log("undoing");
      await new Promise(() => setInterval(() => {}, 1e6));
    }
    await rm(join(buildout.directory, "thing-" + part), { force: true });
    log("uninstalled because " + because);
  },
};
`;
