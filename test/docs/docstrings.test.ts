import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../support/cli.js";

const source = (module: string): string =>
  readFileSync(join(projectFolder, "src", `${module.replace(/\.js$/, "")}.ts`), "utf8");

/** The names of a module of ours that nothing is said of above them. */
function unexplained(module: string, names?: readonly string[]): string[] {
  const text = source(module);
  const declared = text.matchAll(
    /(\*\/\n)?^export (?:async )?(?:abstract )?(?:function\*?|class|const|interface|type) (\w+)/gm,
  );
  return [...declared].flatMap(([, comment, name = ""]) =>
    comment || (names && !names.includes(name)) ? [] : [`${module}: ${name}`],
  );
}

describe("what a recipe's author can import", () => {
  for (const entry of ["recipe", "docker", "testing"])
    it(`is explained where it comes from: tsbuildout/${entry}`, () => {
      const text = source(entry);
      const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "\.\/(.*)";/gm)];
      const wholes = [...text.matchAll(/^export \* from "\.\/(.*)";/gm)];
      const found = [
        ...unexplained(entry),
        ...wholes.flatMap(([, module = ""]) => unexplained(module)),
        ...lists.flatMap(([, names = "", module = ""]) =>
          unexplained(
            module,
            names.split(",").map((name) => name.trim().replace(/^type /, "")),
          ),
        ),
      ];
      expect(found).to.deep.equal([]);
    });
});
