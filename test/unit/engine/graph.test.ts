import { expect } from "chai";
import { CircleError, closure, orderNames, orderParts } from "../../../src/engine/graph.js";
import type { Need, Part } from "../../../src/engine/part.js";
import { Pool } from "../../../src/engine/pool.js";

/** `a: b! c` : a needs b firmly and c loosely. */
function parts(...lines: string[]): Part[] {
  return lines.map((line) => {
    const [name = "", rest = ""] = line.split(":");
    const words = rest.trim().split(" ").filter(Boolean);
    const needs = words.map((word): Need => {
      const part = word.replace("!", "");
      return { part, why: "test", firm: word.endsWith("!"), evenIfFailed: false };
    });
    return { name, needs: new Map(needs.map((need) => [need.part, need])) } as unknown as Part;
  });
}

const order = (...lines: string[]): string =>
  orderParts(parts(...lines))
    .parts.map(({ name }) => name)
    .join(" ");

describe("the order of parts", () => {
  it("is the order of the list, with what a part needs before it", () => {
    expect(order("b:", "a: c", "c:", "d: b")).to.equal("b c a d");
  });

  it("lets the part that is reached first come last where parts only order each other", () => {
    expect(order("a: b", "b: a")).to.equal("b a");
  });

  it("lets a loose need give way to a firm one, wherever the walk begins", () => {
    expect(order("a: b!", "b: a")).to.equal("b a");
    expect(order("b: a", "a: b!")).to.equal("b a");
    expect(order("c: a", "b: a", "a: b! c")).to.equal("b a c");
  });

  it("shows a circle of firm needs", () => {
    expect(() => order("a: b!", "b: c!", "c: a!")).to.throw(CircleError, "a -> b, b -> c, c -> a");
  });

  it("knows no limit to the length of a chain", () => {
    const long = Array.from({ length: 50_000 }, (_, i) => `p${i}: ${i < 49_999 ? `p${i + 1}!` : ""}`);
    expect(order(...long).startsWith("p49999 p49998")).to.equal(true);
  });

  it("of names takes needs that are not among them for nothing, and a circle as it comes", () => {
    const needs: Record<string, string[]> = { a: ["b", "x"], b: ["a"], c: [] };
    expect(orderNames(["a", "b", "c"], (name) => needs[name] ?? [])).to.deep.equal(["b", "a", "c"]);
    expect([...closure(["a"], (name) => needs[name] ?? [])]).to.deep.equal(["a", "b", "x"]);
  });
});

describe("the pool", () => {
  it("lets so many run at once, first come, first served, also after failures", async () => {
    const pool = new Pool(2);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const work = (i: number): Promise<void> =>
      pool.run(async () => {
        begun.push(i);
        await new Promise<void>((resolve) => ends.push(resolve));
        if (i === 0) throw new Error("it fails");
      });
    const all = Promise.allSettled([0, 1, 2, 3].map(work));
    await Promise.resolve();
    expect(begun).to.deep.equal([0, 1]);
    while (begun.length < 4 || ends.length > 0) {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
    expect(begun).to.deep.equal([0, 1, 2, 3]);
  });
});
