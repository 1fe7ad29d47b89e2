import { expect } from "chai";
import { median, renderTable } from "../../../bench/table.js";

describe("the table of figures", () => {
  it("aligns its columns, shows each unit, and marks what misses its aim", () => {
    const table = renderTable([
      { work: "start", unit: "s", ours: 0.08, peer: { name: "node", value: 0.04 }, atMost: 1.6 },
      { work: "install", unit: "s", ours: 2, peer: { name: "compose", value: 4 }, floor: 1, atMost: 1 },
      { work: "peak memory", unit: "B", ours: 157286400, atMost: 209715200 },
      { work: "requests", unit: "", ours: 7 },
    ]);
    expect(table.split("\n")).to.deep.equal([
      "work              ours            peer  ratio  bare node    at most",
      "start          80.0 ms    node 40.0 ms   2.00                  1.60  MISSED",
      "install         2.00 s  compose 4.00 s   0.50       0.25       1.00",
      "peak memory  150.0 MiB                                    200.0 MiB",
      "requests             7",
    ]);
  });

  it("takes the middle of an odd and of an even number of runs", () => {
    expect(median([3, 1, 9])).to.equal(3);
    expect(median([4, 1, 3, 9])).to.equal(3.5);
  });
});
