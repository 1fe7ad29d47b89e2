import { expect } from "chai";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { resolveGit } from "../../../src/docker/build-git.js";
import { contentOf, temporaryFolder } from "../../support/tmp.js";

describe("a git repository whose server does not answer", () => {
  it("is not waited for when the run is told to stop, nor is the ssh that git has started", async () => {
    const folder = await temporaryFolder({ ssh: `#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 1000\n` });
    await chmod(join(folder, "ssh"), 0o755);
    const abort = new AbortController();
    const env = { PATH: process.env["PATH"], HOME: folder, GIT_SSH: join(folder, "ssh") };
    const source = {
      kind: "git",
      url: "ssh://git@r.example/x.git",
      ref: undefined,
      folder: undefined,
    } as const;
    const asked = resolveGit(source, { env, signal: abort.signal });
    const pid = Number(await contentOf(join(folder, "ssh.pid")));
    abort.abort(new Error("enough"));
    try {
      expect(await asked.catch((error: Error) => error.message)).to.equal("enough");
    } finally {
      try {
        process.kill(pid);
      } catch {
        // This git has ended it.
      }
    }
  });
});
