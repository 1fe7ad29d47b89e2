import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tsbuildout } from "../support/cli.js";
import { engineJson, engineRemove, uniqueName } from "../support/engine.js";
import { loadImage } from "../support/images.js";
import { type Files, temporaryFolder, writeFiles } from "../support/tmp.js";

interface Example {
  readonly code: string;
  /** Of the part `PRE-a`; `PRE-` is a prefix of this run. */
  readonly part: string;
  readonly files?: Files;
  readonly args?: readonly string[];
  readonly text: string;
  /** Something that is not ours and uses what the part made: then the part is uninstalled. */
  readonly holder?: object;
}

const examples: readonly Example[] = [
  {
    code: "container/unhealthy",
    part: "recipe = docker.run\nimage = PRE-base:latest\ncommand = sleep 100\nhealthcheck-command = echo no; exit 3\nhealthcheck-interval = 100ms\nhealthcheck-retries = 1\nwait-for = healthy",
    text: `error[container/unhealthy]: container PRE-a is unhealthy (part PRE-a)
   buildout.cfg:10:12
10 | wait-for = healthy
   |            ^^^^^^^
   = note: its last check ended with exit code 3:
     no`,
  },
  {
    code: "container/wait-timeout",
    part: "recipe = docker.run\nimage = PRE-base:latest\ncommand = sleep 100\nwait-for = log ready\nwait-timeout = 300ms",
    text: `error[container/wait-timeout]: container PRE-a did not come to log /ready/ within 0.3 s (part PRE-a)
  buildout.cfg:7:12
7 | wait-for = log ready
  |            ^^^^^^^^^`,
  },
  {
    code: "build/failed",
    part: "recipe = docker.build\nsource = src\nbuilder = classic",
    files: { "src/Dockerfile": "FROM PRE-base:latest\nRUN echo one && exit 4\n" },
    text: `error[build/failed]: the build failed at Step 2/4 : RUN echo one && exit 4: exit code 4 (part PRE-a)
  buildout.cfg:5:10
5 | source = src
  |          ^^^
  = note: src/Dockerfile:2: RUN echo one && exit 4
  = note: its last lines:
      one`,
  },
  {
    code: "folder/unreadable",
    part: "recipe = docker.volume\nlayout = nothing",
    text: `error[folder/unreadable]: cannot read @/nothing: it does not exist (part PRE-a)
  buildout.cfg:5:10
5 | layout = nothing
  |          ^^^^^^^`,
  },
  {
    code: "image/unwritable",
    part: "recipe = docker.save\nname = PRE-base\nfile = /proc/nothing/x.tar",
    text: `error[image/unwritable]: cannot write /proc/nothing/x.tar (part PRE-a)
  buildout.cfg:6:8
6 | file = /proc/nothing/x.tar
  |        ^^^^^^^^^^^^^^^^^^^
  = note: ENOENT: no such file or directory, mkdir '/proc/nothing'`,
  },
  {
    code: "copy/host",
    part: "recipe = docker.copy\nimage-from = PRE-base:latest\npath-to = /proc/nothing/x\npaths = /bin/busybox",
    text: `error[copy/host]: cannot write /proc/nothing/x (part PRE-a)
  buildout.cfg:6:11
6 | path-to = /proc/nothing/x
  |           ^^^^^^^^^^^^^^^
  = note: ENOENT: no such file or directory, mkdir '/proc/nothing'`,
  },
  {
    code: "container/exited",
    part: "recipe = docker.run\nimage = PRE-base:latest\ncommand = true\nscript = sleep 100",
    text: `error[container/exited]: container PRE-a ended with exit code 0 before its script did (part PRE-a)
  buildout.cfg:7:10
7 | script = sleep 100
  |          ^^^^^^^^^
  = help: give it a command that goes on, such as sleep infinity`,
  },
  {
    code: "stage/failed",
    part: "recipe = docker.stage\nimage = PRE-base:latest\nrun =\n    echo one\n    exit 4",
    text: `error[stage/failed]: stage PRE-a ended with exit code 4 (part PRE-a)
  buildout.cfg:6:6
6 | run =
  |      ^
  = note: its last lines were:
    one`,
  },
  {
    code: "stage/no-file",
    part: "recipe = docker.stage\nimage = PRE-base:latest\nrun = true\noutput-files = report /nothing.txt",
    text: `error[stage/no-file]: the stage left no file /nothing.txt (part PRE-a)
  buildout.cfg:7:16
7 | output-files = report /nothing.txt
  |                ^^^^^^^^^^^^^^^^^^^
  = help: write it in the script, or correct the path`,
  },
  {
    code: "folder/unreadable",
    part: "recipe = docker.build\nname = PRE-a\nsource = app",
    files: { "app/Dockerfile": "FROM PRE-base\n", "app/.dockerignore/x": "" },
    text: `error[folder/unreadable]: cannot read @/app/.dockerignore: it is a folder (part PRE-a)
  buildout.cfg:6:10
6 | source = app
  |          ^^^`,
  },
  {
    code: "archive/broken",
    part: "recipe = docker.build\nsource = x.tbz\nbuilder = classic\ndockerfile-inline = FROM PRE-base:latest",
    files: { "x.tbz": "BZh9 and no more\n" },
    text: `error[archive/broken]: bzip2 cannot read the archive (part PRE-a)
  buildout.cfg:5:10
5 | source = x.tbz
  |          ^^^^^
  = note: Input file = (stdin), output file = (stdout)
  = note: It is possible that the compressed file(s) have become corrupted.
  = note: You can use the -tvv option to test integrity of such files.
  = note: You can use the \`bzip2recover' program to attempt to recover
  = note: data from undamaged sections of corrupted files.`,
  },
  {
    code: "build/not-archive",
    part: "recipe = docker.build\nsource = x.txt",
    files: { "x.txt": "no archive\n" },
    text: `error[build/not-archive]: @/x.txt is neither a folder nor a tar archive (part PRE-a)
  buildout.cfg:5:10
5 | source = x.txt
  |          ^^^^^
  = help: give the folder of the Dockerfile as source, and the file as dockerfile`,
  },
  {
    code: "build/offline",
    part: "recipe = docker.build\nsource = https://example.org/x.git",
    args: ["-o", "install"],
    text: `error[build/offline]: https://example.org/x.git cannot be fetched: this run is offline (part PRE-a)
  buildout.cfg:5:10
5 | source = https://example.org/x.git
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: leave -o (offline) away`,
  },
  {
    code: "push/offline",
    part: "recipe = docker.push\nimage = PRE-base:latest\nregistry = localhost:9",
    args: ["-o", "install"],
    text: `error[push/offline]: this run is offline: nothing can be pushed (part PRE-a)
  buildout.cfg:4:10
4 | recipe = docker.push
  |          ^^^^^^^^^^^
  = help: leave -o (offline) away`,
  },
  {
    code: "copy/not-a-folder",
    part: "recipe = docker.copy\nimage-from = PRE-base:latest\npath-to = out\npaths = /bin/busybox/ /x/",
    text: `error[copy/not-a-folder]: /bin/busybox in image PRE-base:latest is not a folder (part PRE-a)
  buildout.cfg:7:9
7 | paths = /bin/busybox/ /x/
  |         ^^^^^^^^^^^^^^^^^
  = help: write /bin/busybox for the file`,
  },
  {
    code: "volume/in-use",
    part: "recipe = docker.volume",
    holder: { HostConfig: { Binds: ["PRE-a:/data"] } },
    text: `error[volume/in-use]: volume PRE-a cannot be removed: it is in use (part PRE-a)
   = note: container PRE-holder mounts it
   = help: remove those containers first, or set keep = true on the part`,
  },
  {
    code: "network/in-use",
    part: "recipe = docker.network",
    holder: { HostConfig: { NetworkMode: "PRE-a" } },
    text: `error[network/in-use]: network PRE-a cannot be removed: it has endpoints (part PRE-a)
   = note: container PRE-holder is connected to it
   = help: docker network disconnect PRE-a PRE-holder`,
  },
  {
    code: "image/in-use",
    part: "recipe = docker.build\nname = PRE-a\ndockerfile-inline =\n    FROM PRE-base:latest\n    LABEL a=b",
    holder: { Image: "PRE-a" },
    text: `error[image/in-use]: image PRE-a:latest cannot be removed: something on the engine uses it (part PRE-a)
   = note: the engine says: …
   = help: remove what uses it, or set keep = true on the part`,
  },
];

/** The whole of what a user sees of a failure that only an engine can give rise to. */
describe("what is wrong with parts, on an engine", () => {
  const prefix = `${uniqueName("diag")}-`;
  const ours = (text: string): string => text.replaceAll("PRE-", prefix);
  before(async () => await loadImage(ours("PRE-base:latest")));
  after(async () => await engineRemove("images", ours("PRE-base:latest")));

  async function start(options: object): Promise<string> {
    const base = { Image: "PRE-base:latest", Cmd: ["sleep", "100"] };
    const body = JSON.parse(ours(JSON.stringify({ ...base, ...options }))) as object;
    const name = ours("PRE-holder");
    await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body });
    await engineJson({ method: "POST", path: `/containers/${name}/start` });
    return name;
  }

  for (const { code, part, files = {}, args = ["install"], holder, text } of examples)
    it(`says exactly ${code}`, async () => {
      const cwd = await temporaryFolder();
      await writeFiles(cwd, JSON.parse(ours(JSON.stringify(files))) as Files);
      await writeFile(join(cwd, "buildout.cfg"), ours(`[buildout]\nparts = PRE-a\n[PRE-a]\n${part}\n`));
      let held: string | undefined;
      try {
        if (holder) {
          expect(await tsbuildout(["install"], { cwd })).to.include({ code: 0 });
          held = await start(holder);
        }
        const result = await tsbuildout(holder ? ["uninstall", "--all"] : args, { cwd });
        const said = result.stderr
          .replaceAll(prefix, "PRE-")
          .replaceAll(cwd, "@")
          .replace(/(the engine says: ).*/, "$1…");
        expect(said).to.equal(`${text}\n`);
        expect(said).to.contain(`[${code}]`);
        expect(result.code).to.equal(1);
      } finally {
        if (held !== undefined) await engineRemove("containers", held);
        await tsbuildout(["uninstall", "--all"], { cwd });
      }
    });
});
