import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { outputs, type Stream } from "../../../src/cli/output.js";

/** Two streams that note in one list what each is given. */
function recorded(isTTY = false) {
  const written: string[] = [];
  const stream = (name: string): Stream => ({
    isTTY,
    columns: 80,
    rows: 24,
    write: (text: string) => written.push(`${name}:${text}`) > 0,
  });
  return { written, ...outputs(stream("out"), stream("err")) };
}

describe("the program's output", () => {
  it("writes the lines of one turn at once", async () => {
    const { written, out } = recorded();
    out.write("a\n");
    out.write("b\n");
    expect(written).to.deep.equal([]);
    await setImmediate();
    expect(written).to.deep.equal(["out:a\nb\n"]);
    out.write("c\n");
    await setImmediate();
    expect(written).to.deep.equal(["out:a\nb\n", "out:c\n"]);
  });

  it("keeps both streams in the order in which they were spoken to", () => {
    const { written, out, err, flush } = recorded();
    out.write("a\n");
    err.write("b\n");
    out.write("c\n");
    flush();
    expect(written).to.deep.equal(["out:a\n", "err:b\n", "out:c\n"]);
  });

  it("does not gather more than a piece", () => {
    const { written, out } = recorded();
    for (let i = 0; i < 3; i++) out.write("x".repeat(40_000));
    expect(written.map((text) => text.length)).to.deep.equal([80_004]);
  });

  it("shows a terminal everything as it comes", () => {
    const { written, out } = recorded(true);
    out.write("a");
    expect(written).to.deep.equal(["out:a"]);
  });
});
