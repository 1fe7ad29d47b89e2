import { expect } from "chai";
import * as fc from "fast-check";
import { positionAt } from "../../../../src/engine/text.js";
import { plain, print, scanText } from "../../../support/scanned.js";

/** Pieces that files are made of, so that random files are not all nonsense. */
const piece = fc.oneof(
  fc.constantFrom(
    "[a]",
    "[b: yes]",
    "[c: no]",
    "a = 1",
    "a += 2",
    "a -= 1",
    "b =",
    "=> x",
    "<= a",
    "x+=y",
    "a+ = z",
  ),
  fc.constantFrom(
    "  one",
    "\ttwo",
    "    three",
    "",
    "   ",
    "# note",
    "; note",
    "  # data",
    "\u00a0hard",
    "junk",
    "é = ü",
  ),
  fc.string({
    unit: fc.constantFrom(" ", "\t", "a", "=", "[", "]", "#", "+", "-", ":", "\v", "\u2028", "\u0085", "{"),
  }),
);
const file = fc
  .array(fc.tuple(piece, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 30 })
  .map((lines) => lines.map(([text, end]) => text + end).join(""));

describe("scanning a file", () => {
  it("finds nothing else after printing what it found", () => {
    fc.assert(
      fc.property(file, (text) => {
        const found = plain(scanText(text));
        expect(plain(scanText(print(found)))).to.deep.equal(found);
        expect(scanText(print(found)).mistakes).to.deep.equal([]);
      }),
      { numRuns: 1000 },
    );
  });

  it("throws nothing, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), file), (text) => {
        for (const { span } of scanText(text).mistakes) {
          const { line, column } = positionAt(span!.source, span!.start);
          expect(line).to.be.greaterThan(0);
          expect(column).to.be.greaterThan(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("knows where names and values stand", () => {
    const text = "\ufeff[web]\r\nimage =  nginx \r\nports +=\r\n  80\r\n# note\r\n  443\r\n";
    const web = scanText(text).sections.get("web")!;
    const shown = (span: { start: number; end: number }) => text.slice(span.start, span.end);
    const image = web.sets.get("image")!;
    const ports = web.amendments!.get("ports")!.add!;
    expect(shown(web.header)).to.equal("[web]");
    expect([shown(image.nameSpan), shown(image.span)]).to.deep.equal(["image", "nginx"]);
    expect(shown(ports.nameSpan)).to.equal("ports");
    expect(ports.text).to.equal("80\n443");
    expect(positionAt(image.span.source, image.span.start)).to.deep.equal({
      line: 2,
      column: 10,
      lineText: "image =  nginx ",
    });
  });

  it("counts bad lines beyond the fiftieth without showing them", () => {
    const { mistakes } = scanText(`[a]\n${"junk\n".repeat(60)}`);
    expect(mistakes).to.have.length(51);
    expect(mistakes.at(-1)?.message).to.equal("10 more lines of test.cfg cannot be read");
  });

  it("takes += for an addition with or without a blank", () => {
    expect(plain(scanText("[s]\na+=1\nb +=2\nc+ = 3\n+ = 4\nd++=5\n"))).to.deep.equal({
      s: { a: { add: "1" }, b: { add: "2" }, c: { add: "3" }, "+": { set: "4" }, "d+": { add: "5" } },
    });
  });
});
