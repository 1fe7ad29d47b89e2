import { expect } from "chai";
import { ansiHtml } from "../../../../src/cli/page/ansi.js";
import type { RunPart } from "../../../../src/cli/page/data.js";
import { criticalPath, placeParts } from "../../../../src/cli/page/layout.js";

function part(name: string, needs: string[], start = 0, end = 0): RunPart {
  return {
    name,
    recipe: "r",
    needs: needs.map((need) => ({ part: need, why: "" })),
    result: "done",
    action: "install",
    reasons: [],
    start,
    end,
    log: [],
  };
}

describe("the drawing of a run", () => {
  it("puts a part right of everything that it needs", () => {
    const places = placeParts([part("c", ["a", "b"]), part("b", ["a"]), part("a", []), part("d", [])]);
    expect(Object.fromEntries([...places].map(([name, { column }]) => [name, column]))).to.deep.equal({
      a: 0,
      b: 1,
      c: 2,
      d: 0,
    });
  });

  it("gives no place twice, and survives a loop and a chain of 20,000", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => part(`p${i}`, i === 0 ? ["p1"] : [`p${i - 1}`]));
    const places = [...placeParts(chain).values()].map(({ column, row }) => `${column}/${row}`);
    expect(new Set(places).size).to.equal(20_000);
  });

  it("finds the chain that decided how long the run took", () => {
    const parts = [
      part("a", [], 0, 5),
      part("b", [], 0, 9),
      part("c", ["a", "b"], 9, 12),
      part("d", ["a"], 5, 8),
    ];
    expect(criticalPath(parts)).to.deep.equal(["b", "c"]);
  });
});

describe("a line of a log as HTML", () => {
  it("escapes, colours, and drops other control sequences", () => {
    expect(ansiHtml("a<b> \x1b[1;31mred & bold\x1b[0m \x1b[2Kplain")).to.equal(
      'a&lt;b&gt; <span class="bold c-red">red &amp; bold</span> plain',
    );
  });
  it("shows of a progress bar what a terminal would show last", () => {
    expect(ansiHtml("10%\r50%\r100%")).to.equal("100%");
  });
  it("skips the operands of 256 colours", () => {
    expect(ansiHtml("\x1b[38;5;1mx\x1b[39m")).to.equal("x");
  });
});
