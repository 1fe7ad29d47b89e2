import { cp, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder } from "../support/cli.js";
import { engineRemove, uniqueName } from "../support/engine.js";
import { loadImage } from "../support/images.js";
import { temporaryFolder } from "../support/tmp.js";
import { blocksOf, comparable, shellIn } from "../support/transcript.js";

/** Names that a page uses and another run on the same engine may use as well: they are others while it is tested. */
const NAMES = /\bquickstart-|\bbusybox:latest|\bnginx:stable|\bsite\b/g;

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...(await readdir(join(projectFolder, "docs"), { recursive: true }))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
  ...(await readdir(join(projectFolder, "examples"))).map((example) => `examples/${example}/README.md`),
];

/** Every session that a page shows, typed as it stands there, beside the files of the quick start. */
describe("terminal sessions of the pages", () => {
  const prefix = uniqueName("page");
  const images = ["busybox:latest", "nginx:stable"].map((name) => `${prefix}-${name}`);
  before(async () => {
    // A server that stays, in the place of nginx.
    for (const image of images) await loadImage(image, { Cmd: ["httpd", "-f"] });
  });
  after(async () => {
    for (const image of images) await engineRemove("images", image);
  });
  const ours = (text: string): string =>
    text.replace(NAMES, (name) => `${prefix}-${name}`).replace(":8080:", "::");

  for (const page of pages)
    it(page, async () => {
      const blocks = blocksOf(await readFile(join(projectFolder, page), "utf8"));
      if (!blocks.some(({ kind }) => kind === "session")) return;
      const folder = join(await temporaryFolder(), "shop");
      await cp(join(projectFolder, "examples/quickstart"), folder, { recursive: true });
      const dockerfile = join(folder, "Dockerfile");
      await writeFile(dockerfile, ours(await readFile(dockerfile, "utf8")));
      const type = await shellIn(folder);
      try {
        for (const block of blocks)
          if (block.kind === "file") await writeFile(join(folder, "buildout.cfg"), ours(block.text));
          else
            for (const { command, output } of block.exchanges) {
              const printed = (await type(ours(command)))
                .replaceAll(`${prefix}-`, "")
                .replaceAll(folder, "/home/me/shop");
              expect(comparable(printed), `$ ${command}\n${printed}`).to.deep.equal(comparable(output));
            }
      } finally {
        await type("tsbuildout uninstall --all");
      }
    });

  it("are written as sessions, not as plain text", async () => {
    const stray: string[] = [];
    for (const page of pages) {
      const text = await readFile(join(projectFolder, page), "utf8");
      // A command with what it answers belongs into a block that is run.
      for (const [, language = ""] of text.matchAll(
        /^```(\w*)\n(?:[^`]|`(?!``))*?^(?:\$ tsbuildout|error\[)/gm,
      ))
        if (language !== "console") stray.push(page);
      if (/^ {4}\$ /m.test(text)) stray.push(page);
    }
    expect(stray).to.deep.equal([]);
  });
});
