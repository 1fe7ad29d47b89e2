import { expect } from "chai";
import { DockerIgnore } from "../../../src/docker/dockerignore.js";

/** patterns -> path -> whether it is ignored; what the docker CLI's documentation and its matcher say */
const cases: readonly [patterns: string, ignored: string, kept: string][] = [
  ["a", "a a/b a/b/c", "b b/a ab"],
  ["/a", "a a/b", "b/a"],
  ["a/", "a a/b", "b"],
  ["./a/../b", "b b/c", "a"],
  ["/../a", "a a/b", "b"],
  ["../a\n../../b\nc/../../d", "", "a b c d"],
  ["*", "a a/b .c", ""],
  ["*/*", "a/b a/b/c", "a"],
  ["*.md", "x.md .md", "d/x.md"],
  ["**/*.md", "x.md d/x.md a/b/x.md", "x.mdx"],
  ["**", "a a/b", ""],
  ["a/**", "a/b a/b/c", "a b"],
  ["a/**/z", "a/z a/b/z a/b/c/z a/z/y", "a az/z a/bz"],
  ["**/node_modules", "node_modules/x a/node_modules/b a/b/node_modules", "node_modulesx xnode_modules"],
  ["?.x", "a.x é.x", "ab.x"],
  ["[a-c]x", "ax bx", "dx [x"],
  ["[^a]x", "bx", "ax"],
  ["a[.]b", "a.b", "axb"],
  ["\\*", "*", "a"],
  ["a+b(c)|{d}$", "a+b(c)|{d}$", "aab(c)|{d}$"],
  ["# no\n#a\n\n  b  ", "b", "a #a"],
  ["a/..\n.\nb", "b", "a c"],
  ["\uFEFFa", "a", "b"],
  ["a\r\nb\r\n", "a b", "c"],
  ["*.md\n!README.md", "x.md", "README.md d/README.md"],
  ["*.md\n!README*.md\nREADME-secret.md", "README-secret.md", "README-x.md"],
  ["*.md\nREADME-secret.md\n!README*.md", "x.md", "README-secret.md"],
  ["a\n!a/b", "a/c a", "a/b a/b/c"],
  ["b/x\n!b", "b/x b/x/y", "b b/y"],
  ["*\n!src/**/*.c\n", "src/a.h a", "src/a.c src/x/y.c"],
  ["*\n! src", "a", "src src/x"],
];

function entered(patterns: string, folder: string): boolean {
  return new DockerIgnore(patterns).choose(folder, true).enter;
}

describe(".dockerignore", () => {
  for (const [patterns, ignored, kept] of cases) {
    it(`reads ${JSON.stringify(patterns)}`, () => {
      const ignore = new DockerIgnore(patterns);
      for (const path of ignored.split(" ").filter(Boolean))
        expect(ignore.ignores(path), `ignores ${path}`).to.equal(true);
      for (const path of kept.split(" ").filter(Boolean))
        expect(ignore.ignores(path), `keeps ${path}`).to.equal(false);
    });
  }

  it("looks into an ignored folder only where something in it may be taken back", () => {
    expect(entered("a", "a")).to.equal(false);
    expect(entered("a\n!b/c", "a")).to.equal(false);
    expect(entered("a\n!a/c", "a")).to.equal(true);
    expect(entered("*\n!src/x", "src")).to.equal(true);
    expect(entered("*\n!src/x", "lib")).to.equal(false);
    expect(entered("*\n!**/*.c", "lib")).to.equal(true);
    expect(entered("*\n!l?b/*.c", "lib")).to.equal(true);
    expect(entered("*\n!*.c", "lib")).to.equal(false);
    expect(entered("*\n![l/]ib/*.c", "lib"), "a class with a slash in it").to.equal(true);
  });

  it("names the line that is no pattern", () => {
    expect(() => new DockerIgnore("a\n[b", "x/.dockerignore"))
      .to.throw()
      .with.property("problem")
      .that.deep.equals({
        code: "context/bad-ignore",
        message: '"[b" is not a pattern',
        notes: ["x/.dockerignore:2"],
      });
    expect(() => new DockerIgnore("!")).to.throw('"!" is not a pattern');
  });
});
