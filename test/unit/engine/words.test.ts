import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { array, assert as check, constantFrom, property, string } from "fast-check";
import { quoteWord, splitWords } from "../../../src/engine/words.js";

/** Says of each argument how a shell splits it: the number of words and the words, or `?` where it cannot be read. */
const SPLIT = `for text; do (eval "set -- $text" && printf '%s\\0' "$#" "$@") || printf '?\\0'; done 2>/dev/null`;

function byShell(texts: readonly string[]): (readonly string[] | undefined)[] {
  const said = execFileSync("sh", ["-c", SPLIT, "sh", ...texts])
    .toString()
    .split("\0");
  return texts.map(() => {
    const count = said.shift();
    return count === "?" ? undefined : said.splice(0, Number(count));
  });
}

function byUs(text: string): readonly string[] | undefined {
  try {
    return splitWords(text);
  } catch (error) {
    expect(error).to.be.instanceOf(RangeError);
    return undefined;
  }
}

// Without what a shell expands: of that it is said that it is not done.
const piece = constantFrom(
  "a",
  "bc",
  " ",
  "\t",
  "\n",
  "'",
  '"',
  "\\",
  "''",
  '\\"',
  "\\\n",
  "=",
  "-",
  "ü",
  "\u00a0",
  "\v",
);

describe("words", () => {
  it("are split as a shell splits them, or refused where it refuses them", () => {
    const texts = array(
      array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
      { minLength: 1, maxLength: 100 },
    );
    check(
      // Behind `set --`, a line of its own would be a command of its own. A backslash before it may be one that is escaped.
      property(texts, (all) => {
        const lines = all.map((text) => text.replaceAll(/(?<=(?<!\\)(?:\\\\)*)\n/g, " "));
        expect(lines.map(byUs)).to.deep.equal(byShell(lines));
      }),
      { numRuns: 20 },
    );
  });

  it("are read back as they were quoted, by a shell too", () => {
    const words = array(
      string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
      { maxLength: 5 },
    );
    check(
      property(words, (all) => {
        expect(splitWords(all.map(quoteWord).join(" "))).to.deep.equal(all);
      }),
    );
    const odd = ["", "a b", "it's", "$HOME", "`x`", "\n", "\\", '"', "~", "*", "#", "ü"];
    expect(byShell([odd.map(quoteWord).join(" ")])).to.deep.equal([odd]);
  });
});
