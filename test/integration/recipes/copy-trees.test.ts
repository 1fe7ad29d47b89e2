import { expect } from "chai";
import { array, assert as check, asyncProperty, constantFrom, record, type Arbitrary } from "fast-check";
import { chmod, link, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import copy from "../../../src/recipes/docker.copy.js";
import run_ from "../../../src/recipes/docker.run.js";
import { engineRemove, engineRequest, uniqueName } from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { RunRig } from "../../support/recipe-part.js";
import { temporaryFolder } from "../../support/tmp.js";

/** One thing of a tree; of two with the same path, or one below a file, the first counts. */
interface Thing {
  readonly path: readonly string[];
  readonly kind: "file" | "directory" | "symlink" | "hard link";
  readonly mode: number;
  readonly content: string;
}

const names = constantFrom(
  "a",
  "b",
  "with blank",
  "grün",
  "x".repeat(120),
  "dot.",
  "-dash",
  "new\nline",
  "'q\"",
);
const things: Arbitrary<Thing[]> = array(
  record({
    path: array(names, { minLength: 1, maxLength: 4 }),
    kind: constantFrom("file", "file", "directory", "symlink", "hard link"),
    mode: constantFrom(0o644, 0o600, 0o755, 0o4711, 0o1777, 0o400),
    content: constantFrom("", "x", "text\n", "\0".repeat(5000), "y".repeat(513)),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Path -> what it is: `file 644 <mtime> text`, `symlink 644 -> a`, … */
type Listing = Record<string, string>;

async function plant(root: string, tree: readonly Thing[]): Promise<Listing> {
  const listing: Listing = {};
  const files: string[] = [];
  for (const thing of tree) {
    const place = join(root, ...thing.path);
    await make(place, thing, files).catch((error: NodeJS.ErrnoException) => {
      // Something else is there, or a file above it, or a name is too long.
      if (!["EEXIST", "ENOTDIR", "ENOENT", "ELOOP"].includes(error.code ?? "")) throw error;
    });
  }
  for (const name of await readdir(root, { recursive: true })) {
    const place = join(root, name);
    const stat = await lstat(place);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) listing[name] = `symlink -> ${await readlink(place)}`;
    else if (stat.isDirectory()) listing[name] = `directory ${mode}`;
    else listing[name] = `file ${mode} ${await readFile(place, "latin1")}`;
  }
  return listing;
}

async function make(place: string, thing: Thing, files: string[]): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  if (thing.kind === "symlink")
    return await symlink(thing.content.slice(0, 5).replaceAll("\0", "z") || "nowhere", place);
  if (thing.kind === "hard link" && files[0]) return await link(files[0], place);
  if (thing.kind === "directory") await mkdir(place);
  else await writeFile(place, thing.content, { flag: "wx" });
  if (thing.kind !== "directory") files.push(place);
  await chmod(place, thing.kind === "directory" ? 0o755 : thing.mode);
}

/** What a container's export has below a folder. */
async function exported(container: string, folder: string): Promise<Listing> {
  const { body } = await engineRequest({ path: `/containers/${container}/export` });
  const listing: Listing = {};
  const reader = extract();
  const read = (async () => {
    for await (const entry of reader) {
      const { name, type, linkname, mode } = entry.header;
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      const path = name.replace(/\/$/, "");
      if (!path.startsWith(`${folder}/`)) continue;
      const below = path.slice(folder.length + 1);
      const text = (mode & 0o7777).toString(8);
      if (type === "symlink") listing[below] = `symlink -> ${linkname}`;
      else if (type === "directory") listing[below] = `directory ${text}`;
      else if (type === "link")
        listing[below] = listing[(linkname ?? "").slice(folder.length + 1)] ?? "lost link";
      else listing[below] = `file ${text} ${Buffer.concat(chunks).toString("latin1")}`;
    }
  })();
  Readable.from([body]).pipe(reader);
  await read;
  return listing;
}

describe("random trees", () => {
  it("come through layout and copy as they are", async () => {
    const run = await RunRig.open();
    const image = await ensureBaseImage();
    const target = run.part(run_, uniqueName("tsb-tree"), { image, start: "false" });
    await target.install();
    let round = 0;
    try {
      await check(
        asyncProperty(things, async (tree) => {
          const folder = `t${round++}`;
          const root = await temporaryFolder();
          await mkdir(join(root, folder));
          const planted = await plant(join(root, folder), tree);
          const source = run.part(run_, uniqueName("tsb-tree"), { image, start: "false", layout: root });
          try {
            await source.install();
            expect(await exported(source.part, folder)).to.deep.equal(planted);
            const paths = `/${folder}/`;
            await run
              .part(copy, "copy", { "container-from": source.part, "container-to": target.part, paths })
              .install();
            expect(await exported(target.part, folder)).to.deep.equal(planted);
          } finally {
            await engineRemove("containers", source.part);
          }
        }),
        { numRuns: 10 },
      );
    } finally {
      await engineRemove("containers", target.part);
      await run.close();
    }
  });
});
