import { expect } from "chai";
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
});
