import { expect } from "chai";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFile,
  cp,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError } from "../../../src/engine/diagnostic.js";
import { renderDiagnostic } from "../../../src/engine/render.js";
import type { StoredRecord } from "../../../src/engine/state.js";
import { StateStore } from "../../../src/engine/store.js";
import { onPoorFileSystem } from "../../support/poor-file-system.js";
import { limitFiles } from "../../support/file-limit.js";
import { temporaryFolder } from "../../support/tmp.js";

const record = (part: string, more: Partial<StoredRecord> = {}): StoredRecord => ({
  part,
  recipe: "r",
  version: "1",
  phase: "installed",
  installedAt: "2026-11-20T22:00:00.000Z",
  keep: false,
  needs: [],
  options: {},
  inputs: {},
  outputs: {},
  resources: [],
  ...more,
});

/** Of this test: none of them is left to the garbage collector with an open file. */
const opened: StateStore[] = [];

async function openStore(path: string): Promise<StateStore> {
  const store = StateStore.open(path);
  opened.push(store);
  return store;
}

const toldIn = async (folder: string) => (await openStore(join(folder, ".installed.cfg"))).copied();

async function refusal(path: string): Promise<{ code: string; message: string; help: readonly string[] }> {
  try {
    await openStore(path);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    const { code, message, help = [] } = error.diagnostics[0]!;
    return { code, message: message.replace(path, "FILE"), help };
  }
  throw new Error("it was not refused");
}

const exists = async (file: string): Promise<boolean> =>
  await stat(file).then(
    () => true,
    () => false,
  );

describe("the state store", () => {
  let path: string;
  const open = (): Promise<StateStore> => openStore(path);

  afterEach(async () => {
    // Most have been closed by their test.
    for (const store of opened.splice(0)) await store.close().catch(() => undefined);
  });

  beforeEach(async () => {
    path = join(await temporaryFolder(), ".installed.cfg");
  });

  it("knows a copy of its file, and no folder that was moved or has two names", async () => {
    const store = await open();
    await store.change({ set: record("a") });
    await store.close();
    const folder = dirname(path);
    const [copy, link] = [`${folder}-copy`, `${folder}-link`];
    try {
      await symlink(folder, link);
      expect([await toldIn(folder), await toldIn(link)]).to.deep.equal([undefined, undefined]);
      await cp(folder, copy, { recursive: true });
      expect(await toldIn(folder)).to.equal(undefined);
      expect(renderDiagnostic((await toldIn(copy))!).replaceAll(folder, "/shop")).to.equal(
        `warning[state/copied]: /shop-copy/.installed.cfg is a copy of /shop/.installed.cfg: what is changed or removed here is that buildout's, too
   = help: to have things of its own here, with names of their own, remove /shop-copy/.installed.cfg before anything is changed
   = help: if the folder has moved, remove /shop/.installed.cfg`,
      );
      // Another buildout has taken the old place; then nobody.
      await writeFile(path, (await readFile(path, "utf8")).replace(/^id=.*/m, "id=0123456789ab"));
      expect(await toldIn(copy)).to.equal(undefined);
      await rm(path);
      expect(await toldIn(copy)).to.equal(undefined);
    } finally {
      await rm(link);
      await rm(copy, { recursive: true });
    }
  });

  it("finds after a crash what was recorded before it, up to a torn last line", async () => {
    const store = await open();
    await store.change({ set: record("a", { phase: "installing" }) });
    await store.change({ part: "a", created: { kind: "thing", name: "x" } }, true);
    await store.change({ part: "a", created: { kind: "thing", name: "y" } }, true);
    await store.change({ part: "a", removed: { kind: "thing", name: "x" } });
    await appendFile(`${path}.journal`, '{"gone":"a');
    const again = await open();
    expect(again.state.records.get("a")!.resources).to.deep.equal([{ kind: "thing", name: "y" }]);
    expect(again.state.id).to.equal(store.state.id);
    await again.change({ set: record("b") });
    expect([...(await open()).state.records.keys()]).to.deep.equal(["a", "b"]);
  });

  it("is saved whole, private, and goes with the last part", async () => {
    const store = await open();
    await store.change({ set: record("a") });
    await store.close();
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect(await exists(`${path}.journal`)).to.equal(false);
    const again = await open();
    await again.change({ gone: "a" });
    await again.close();
    expect(await exists(path)).to.equal(false);
    expect(await exists(`${path}.journal`)).to.equal(false);
  });

  it("is saved also on a file system that cannot put a folder on the disk", async () => {
    await onPoorFileSystem(async () => {
      const store = await open();
      await store.change({ set: record("a") });
      await store.close();
    });
    expect([...(await open()).state.records.keys()]).to.deep.equal(["a"]);
  });

  it("is private also where something that everybody can read is in its way", async () => {
    await writeFile(`${path}.new`, "", { mode: 0o644 });
    const store = await open();
    await store.change({ set: record("a") });
    await store.close();
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it("writes nothing when nothing changed", async () => {
    const store = await open();
    await store.close();
    expect(await exists(path)).to.equal(false);
  });

  it("writes as much for a changed part among many as for one among few", async () => {
    const written: number[] = [];
    for (const count of [100, 2000]) {
      path = join(await temporaryFolder(), ".installed.cfg");
      const all = await open();
      for (let i = 0; i < count; i++) await all.change({ set: record(`part-${i}`) });
      await all.close();
      const before = await readFile(path);
      const store = await open();
      await store.change({ set: record("part-7", { version: "2" }) });
      await store.close();
      expect(await readFile(path)).to.deep.equal(before);
      written.push((await stat(`${path}.journal`)).size);
      expect((await open()).state.records.get("part-7")!.version).to.equal("2");
    }
    expect(written[0]).to.be.lessThan(600).and.equal(written[1]);
  });

  it("saves the state whole when the journal has grown to half of it, so that it does not grow for ever", async () => {
    const all = await open();
    for (let i = 0; i < 50; i++) await all.change({ set: record(`part-${i}`) });
    await all.close();
    const sizes: number[] = [];
    for (let run = 0; run < 60; run++) {
      const store = await open();
      await store.change({ set: record(`part-${run % 50}`, { version: `${run}` }) });
      await store.close();
      sizes.push((await exists(`${path}.journal`)) ? (await stat(`${path}.journal`)).size : 0);
    }
    expect(Math.max(...sizes)).to.be.lessThan((await stat(path)).size);
    expect(sizes.filter((size) => size === 0)).not.to.be.empty;
    expect((await open()).state.records.get("part-9")!.version).to.equal("59");
  });

  it("misses nothing where a run ends while somebody reads", async () => {
    const few = await open();
    for (let i = 0; i < 50; i++) await few.change({ set: record(`part-${i}`) });
    await few.close();
    const before = await readFile(path);
    const more = await open();
    await more.change({ set: record("more") });
    // Whoever reads the state waits at a pipe in its place, until the run has taken the journal away.
    await writeFile(`${path}.before`, before);
    await rename(path, `${path}.away`);
    execFileSync("mkfifo", [path]);
    const run = spawn("sh", ["-c", 'exec 3>"$0"; rm "$0.journal"; cat "$0.before" >&3', path]);
    const ended = once(run, "close");
    expect((await open()).state.records.has("more")).to.equal(true);
    await ended;
    await rm(path);
    await rename(`${path}.away`, path);
  });

  it("ignores the journal of an earlier save, and of a state file that somebody took away", async () => {
    const store = await open();
    await store.change({ set: record("a") });
    const journal = await readFile(`${path}.journal`);
    await store.close();
    const saved = await open();
    await saved.change({ set: record("b") });
    await saved.change({ gone: "a" });
    const later = await readFile(`${path}.journal`);
    await saved.close();
    await writeFile(`${path}.journal`, journal);
    const again = await open();
    expect([...again.state.records.keys()]).to.deep.equal(["b"]);
    await again.close();
    expect(await exists(`${path}.journal`)).to.equal(false);
    await rm(path);
    await writeFile(`${path}.journal`, later);
    expect([...(await open()).state.records.keys()]).to.deep.equal([]);
  });

  it("that cannot be saved whole says why, loses nothing, and is saved by the next run that can", async () => {
    await mkdir(`${path}.new`);
    const store = await open();
    await store.change({ set: record("a") });
    const { severity, code, message, help } = (await store.close())!;
    expect({ severity, code, message: message.replace(path, "FILE"), help }).to.deep.equal({
      severity: "warning",
      code: "state/not-written",
      message: `cannot write FILE: EISDIR: illegal operation on a directory, open '${path}.new'`,
      help: ["make room or make the folder writable; until then .installed.cfg.journal has it all"],
    });
    await rmdir(`${path}.new`);
    const again = await open();
    expect([...again.state.records.keys()]).to.deep.equal(["a"]);
    expect(await again.close()).to.equal(undefined);
    expect(await exists(`${path}.journal`)).to.equal(false);
  });

  describe("on a disk that was full for a moment", () => {
    let store: StateStore;

    before(function () {
      if (process.platform !== "linux") this.skip(); // there is no prlimit
    });

    beforeEach(async () => {
      const all = await open();
      for (let i = 0; i < 100; i++) await all.change({ set: record(`part-${i}`) });
      await all.close();
      store = await open();
    });

    /** Changes three parts, of which the second cannot be recorded. */
    async function changeThree(): Promise<void> {
      const [first, second, third] = [1, 2, 3].map((n) => ({ set: record(`part-${n}`, { version: "2" }) }));
      await store.change(first!);
      limitFiles((await stat(`${path}.journal`)).size);
      try {
        const error = (await store.change(second!).catch((one: unknown) => one)) as DiagnosticError;
        expect(error.diagnostics[0]!.message).to.match(/^cannot write .*: EFBIG/);
      } finally {
        limitFiles("unlimited");
      }
      await store.change(third!);
    }

    it("has all of it in the file, once there is room", async () => {
      await changeThree();
      expect(await store.close()).to.equal(undefined);
      const { records } = (await open()).state;
      const versions = [1, 2, 3].map((number) => records.get(`part-${number}`)!.version);
      expect(versions).to.deep.equal(["2", "2", "2"]);
    });

    it("does not say that the journal has it all", async () => {
      await changeThree();
      await mkdir(`${path}.new`);
      const error = (await store.close().catch((one: unknown) => one)) as DiagnosticError;
      const { severity, code } = error.diagnostics[0]!;
      expect({ severity, code }).to.deep.equal({ severity: "error", code: "state/not-written" });
    });

    it("leaves no file open that it could not begin", async () => {
      limitFiles(0);
      try {
        await store.change({ gone: "part-1" }).catch(() => undefined);
      } finally {
        limitFiles("unlimited");
      }
      const open = (await readdir("/proc/self/fd")).map((fd) =>
        readlink(`/proc/self/fd/${fd}`).catch(() => ""),
      );
      expect(await Promise.all(open)).not.to.include(`${path}.journal`);
    });
  });

  it("never overwrites what it cannot read, and says what to do", async () => {
    await writeFile(path, "[buildout]\nparts = a\n");
    expect(await refusal(path)).to.deep.equal({
      code: "state/broken",
      message: "FILE is not an installed-state file: [buildout] version is missing",
      help: [
        "put the file back from a backup, or mend it by hand; nothing was changed",
        "if .installed.cfg is not ours, name another file with [buildout] installed",
        "if what it recorded is of no interest any more, remove it: the parts are then installed anew, and what was installed stays behind",
      ],
    });
    await writeFile(path, "[buildout]\nversion=9\nid=a\nkey=b\ngeneration=1\n");
    expect(await refusal(path)).to.deep.equal({
      code: "state/newer",
      message: "FILE was written by a newer tsbuildout: it has version 9",
      help: ["use that version of tsbuildout; nothing was changed"],
    });
  });

  it("knows zc.buildout's file, which has the same name", async () => {
    await writeFile(
      path,
      "[buildout]\ninstalled_develop_eggs = \nparts = a\n\n[a]\n__buildout_installed__ = \n__buildout_signature__ = x\nrecipe = y\n",
    );
    expect(await refusal(path)).to.deep.equal({
      code: "state/foreign",
      message: "FILE was written by zc.buildout",
      help: [
        "have zc.buildout uninstall its parts, and remove the file; nothing was changed",
        "or leave both as they are, and name another file with [buildout] installed",
      ],
    });
  });

  it("refuses a journal that is broken before its end", async () => {
    const store = await open();
    await store.change({ set: record("a") });
    await appendFile(`${path}.journal`, "nonsense\n{}\n");
    expect((await refusal(path)).message).to.equal(
      "FILE.journal is not an installed-state file: line 3 cannot be read",
    );
  });

  const changes = {
    "that is null": null,
    "that is a number": 7,
    "that says nothing": {},
    "of a part without a name": { gone: 1 },
    "of a record without fields": { set: { part: "b" } },
    "of a record without needs": { set: { ...record("b"), needs: undefined } },
    "of a record without options": { set: { ...record("b"), options: null } },
    "of a record with half a resource": {
      set: { ...record("b"), resources: [{ kind: "image" }] as unknown as StoredRecord["resources"] },
    },
    "of half a resource": { part: "a", created: { kind: "image" } },
    "of no resource": { part: "a", removed: null },
    "of nobody's resource": { created: { kind: "image", name: "i" } },
  };
  for (const [name, change] of Object.entries(changes))
    it(`refuses a journal with a change ${name}`, async () => {
      const store = await open();
      await store.change({ set: record("a") });
      await appendFile(`${path}.journal`, `${JSON.stringify(change)}\n`);
      expect((await refusal(path)).message).to.equal(
        "FILE.journal is not an installed-state file: line 3 cannot be read",
      );
    });

  it("refuses a journal whose head lacks something", async () => {
    await writeFile(`${path}.journal`, '{"journal":1,"id":"a","generation":0}\n');
    expect((await refusal(path)).message).to.equal(
      "FILE.journal is not an installed-state file: line 1 is not the head of a journal",
    );
  });

  const head = "[buildout]\nversion=1\nid=a\nkey=b\n";
  const part = "[part:p]\nrecipe=r\nversion=1\ninstalled=2026-11-20T22:00:00.000Z\n";
  const broken = {
    "it ends in the middle of a line": `${head}generation=1\n${part}option:a=1`,
    "[buildout] generation is not a number": `${head}generation=x\n`,
    "[part:p] resource:0 has no kind or no name": `${head}generation=1\n${part}resource:0:kind=image\n`,
    "%110000% is no character": `${head}generation=1\n${part}option:a=%110000%\n`,
  };
  for (const [why, text] of Object.entries(broken))
    it(`refuses a state file of which something was lost: ${why}`, async () => {
      await writeFile(path, text);
      expect((await refusal(path)).message).to.equal(`FILE is not an installed-state file: ${why}`);
    });
});
