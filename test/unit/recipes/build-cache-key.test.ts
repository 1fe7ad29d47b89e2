import { expect } from "chai";
import * as fc from "fast-check";
import { cacheKey, cacheTag, keyTable } from "../../../src/recipes/build-cache-key.js";

const canonical = (some: readonly object[]) => JSON.stringify(some.map((one) => JSON.stringify(one)).sort());

describe("the key of an image in the cache", () => {
  const row = fc.record({ name: fc.string({ maxLength: 6 }), value: fc.string({ maxLength: 6 }) });
  const rows = fc.uniqueArray(row, { selector: ({ name }) => name, maxLength: 5 });

  it("is the same for the same rows, in whatever order", () => {
    fc.assert(
      fc.property(rows, (some) => {
        expect(cacheKey([...some].reverse()))
          .to.equal(cacheKey(some))
          .and.match(/^[0-9a-f]{64}$/);
      }),
    );
  });

  it("is another one for other rows, wherever a name ends and a value begins", () => {
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        expect(cacheKey(a) === cacheKey(b)).to.equal(canonical(a) === canonical(b));
      }),
    );
    expect(cacheKey([{ name: "ab", value: "c" }])).to.not.equal(cacheKey([{ name: "a", value: "bc" }]));
  });

  it("stays what it is from one version to the next", () => {
    const rows = [
      { name: "platform", value: "linux/amd64" },
      { name: "Dockerfile", value: "sha256:00" },
    ];
    expect(cacheKey(rows)).to.equal("3518057b18749f5c5c59c6658cb1ad7c1e2b4011515f20f1fbe6c6061979651f");
    expect(cacheTag("app-", cacheKey(rows))).to.match(/^app-[0-9a-f]{32}$/);
  });

  it("can be explained, without the values that are nobody's business", () => {
    const rows = [
      { name: "platform", value: "linux/amd64" },
      { name: "build-arg TOKEN", value: "hunter2", shown: "sha256:f52f" },
    ];
    expect(keyTable(rows)).to.deep.equal([
      "  build-arg TOKEN  sha256:f52f",
      "  platform         linux/amd64",
    ]);
  });
});
