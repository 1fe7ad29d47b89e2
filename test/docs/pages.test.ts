import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { testBuildout } from "../../src/testing.js";
import { projectFolder } from "../support/cli.js";

const FOLDER = join(projectFolder, "docs");
const pages = readdirSync(FOLDER).filter((file) => file.endsWith(".md"));
const read = (page: string): string => readFileSync(join(FOLDER, page), "utf8");

/** Files that the examples of pages name. */
const FILES = {
  Dockerfile: "FROM busybox\n",
  "package.json": "{}\n",
  "images/app/Dockerfile": "FROM busybox\n",
  "base/Dockerfile": "FROM busybox\n",
  "app/Dockerfile": "FROM shop-base\n",
  "worker/Dockerfile": "FROM shop-base\n",
};
/** Variables that they take. */
const ENV = { NPM_TOKEN: "token-of-a-page", TF_VAR_db_password: "password-of-a-page" };
/** Pages of the language show pieces, and mistakes; those on ECR need its stand-in (test/integration/ecr-docs.test.ts). */
const ELSEWHERE = new Set([
  "migration-buildkite-cache.md",
  "migration-ecr-docker-ci.md",
  "migration-gitlab-kaniko.md",
  "language.md",
  "diagnostics.md",
  "cli.md",
  "architecture.md",
  "state.md",
]);

describe("documents", () => {
  for (const page of pages.filter((page) => !ELSEWHERE.has(page)))
    for (const [index, [, text]] of [...read(page).matchAll(/```ini\n([^]*?)```/g)].entries())
      it(`${page}: example ${index + 1} plans`, async () => {
        // A page may begin with sections alone; what they are parts of is of no interest there.
        const config = /^\[buildout\]/m.test(text!) ? text! : `[buildout]\nparts =\n\n${text}`;
        await using buildout = await testBuildout({ config, files: FILES, env: { ...process.env, ...ENV } });
        const { warnings, steps } = await buildout.plan();
        expect(warnings).to.deep.equal([]);
        for (const { part, notes = [] } of steps) expect(notes, part).to.deep.equal([]);
      });

  const all = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ...readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".md"))
      .map((file) => `docs/${file}`),
    ...readdirSync(join(projectFolder, "examples")).map((name) => `examples/${name}/README.md`),
  ];

  for (const page of all)
    it(`${page} links to what is there, headings included`, () => {
      const text = readFileSync(join(projectFolder, page), "utf8");
      const broken = [...text.matchAll(/\]\(([^):]+)\)/g)].flatMap(([, link]) => {
        const [path = "", heading] = link!.split("#");
        const target = path === "" ? join(projectFolder, page) : join(projectFolder, dirname(page), path);
        if (!existsSync(target)) return [link];
        return heading === undefined || headings(target).has(heading) ? [] : [link];
      });
      expect(broken).to.deep.equal([]);
    });
});

/** The headings of a page as GitHub makes addresses of them. */
function headings(page: string): ReadonlySet<string> {
  const lines = readFileSync(page, "utf8").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...lines].map(([, text]) =>
      text!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- ]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
