import { expect } from "chai";
import * as fc from "fast-check";
import { contains, overlap, parseCidr } from "../../../src/docker/network.js";
import { SpecError } from "../../../src/docker/spec.js";

describe("subnets", () => {
  it("reads address and bits", () => {
    expect(parseCidr("10.1.0.0/16")).to.deep.equal({ address: "10.1.0.0", bits: 16, family: "ipv4" });
    expect(parseCidr("fd00::/64")).to.deep.equal({ address: "fd00::", bits: 64, family: "ipv6" });
    for (const text of ["10.1.0.0", "10.1.0.0/33", "fd00::/129", "x/8", "10.1.0.0/x"])
      expect(() => parseCidr(text)).to.throw(SpecError, `"${text}" is not a subnet`);
  });

  it("knows what lies in what", () => {
    expect(contains("10.1.0.0/16", "10.1.2.3")).to.be.true;
    expect(contains("10.1.0.0/16", "10.2.2.3")).to.be.false;
    expect(contains("10.1.0.0/16", "fd00::1")).to.be.false;
    expect(contains("fd00::/64", "fd00::1")).to.be.true;
    expect(overlap("10.0.0.0/8", "10.1.0.0/16")).to.be.true;
    expect(overlap("10.1.0.0/16", "10.0.0.0/8")).to.be.true;
    expect(overlap("10.1.0.0/16", "10.2.0.0/16")).to.be.false;
  });

  it("overlap where one has the other's first address, however they are written", () => {
    const four = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    const six = fc.tuple(
      fc.oneof(fc.ipV6(), fc.constantFrom("::", "FD00::1", "::ffff:10.1.0.1")),
      fc.integer({ min: 0, max: 128 }),
    );
    const subnet = fc.oneof(four, six).map(([address, bits]) => `${address}/${bits}`);
    fc.assert(
      fc.property(subnet, subnet, (a, b) => {
        const [first, second] = [contains(a, b), contains(b, a)];
        expect(overlap(a, b)).to.equal(first || second);
      }),
      { numRuns: 1000 },
    );
  });
});
