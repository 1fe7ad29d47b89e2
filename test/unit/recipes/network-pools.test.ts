import { expect } from "chai";
import { differingPools, poolsOf } from "../../../src/recipes/network-pools.js";

describe("address pools of a network", () => {
  it("sorts gateways, ranges and reserved addresses to their subnets", () => {
    const { pools, problems } = poolsOf({
      name: "back",
      subnet: ["10.1.0.0/16", "10.2.0.0/16"],
      gateway: ["10.2.0.1"],
      "ip-range": ["10.1.4.0/24"],
      "aux-addresses": [
        ["printer", "10.2.0.9"],
        ["router", "10.1.0.9"],
      ],
    });
    expect(problems).to.deep.equal([]);
    expect(pools).to.deep.equal([
      { Subnet: "10.1.0.0/16", IPRange: "10.1.4.0/24", AuxiliaryAddresses: { router: "10.1.0.9" } },
      { Subnet: "10.2.0.0/16", Gateway: "10.2.0.1", AuxiliaryAddresses: { printer: "10.2.0.9" } },
    ]);
  });

  it("chooses a private IPv6 prefix where none is given, always the same for a name", () => {
    const [pool] = poolsOf({ name: "back", ipv6: true }).pools;
    expect(pool?.Subnet).to.match(/^fd[0-9a-f]{2}(:[0-9a-f]{4}){3}::\/64$/);
    expect(poolsOf({ name: "back", ipv6: true }).pools).to.deep.equal([pool]);
    expect(poolsOf({ name: "back", ipv6: true, subnet: ["fd00::/64"] }).pools).to.deep.equal([
      { Subnet: "fd00::/64" },
    ]);
  });

  const mistakes: readonly [string, Omit<Parameters<typeof poolsOf>[0], "name">, string, string][] = [
    [
      "no subnet",
      { subnet: ["10.1"] },
      "subnet",
      '"10.1" is not a subnet: write an address and its bits, 10.1.0.0/16',
    ],
    ["overlap", { subnet: ["10.0.0.0/8", "10.1.0.0/16"] }, "subnet", "10.1.0.0/16 overlaps with 10.0.0.0/8"],
    ["IPv6 unasked", { subnet: ["fd00::/64"] }, "subnet", "fd00::/64 needs ipv6 = true"],
    ["lonely gateway", { gateway: ["10.1.0.1"] }, "gateway", "10.1.0.1 lies in none of the subnets"],
    [
      "two gateways",
      { subnet: ["10.1.0.0/16"], gateway: ["10.1.0.1", "10.1.0.2"] },
      "gateway",
      "10.1.0.0/16 has two gateways, 10.1.0.1 and 10.1.0.2",
    ],
    [
      "no range",
      { subnet: ["10.1.0.0/16"], "ip-range": ["x"] },
      "ip-range",
      '"x" is not a range of addresses',
    ],
    [
      "foreign address",
      { subnet: ["10.1.0.0/16"], "aux-addresses": [["a", "10.9.0.1"]] },
      "aux-addresses",
      "10.9.0.1 lies in none of the subnets",
    ],
  ];
  for (const [what, options, option, message] of mistakes)
    it(`reports ${what}`, () => {
      expect(poolsOf({ name: "back", ...options }).problems).to.deep.equal([
        { code: "option/value", message, option },
      ]);
    });

  it("says how the pools of a network that is there differ", () => {
    const there = [{ Subnet: "10.1.0.0/16", Gateway: "10.1.0.1" }];
    expect(differingPools({ name: "back" }, there)).to.deep.equal([]);
    expect(differingPools({ name: "back", subnet: ["10.1.0.0/16"] }, there)).to.deep.equal([]);
    expect(differingPools({ name: "back", subnet: ["10.2.0.0/16"] }, there)).to.deep.equal([
      "its subnets are 10.1.0.0/16, not 10.2.0.0/16",
    ]);
    expect(
      differingPools(
        { name: "back", subnet: ["10.1.0.0/16"], gateway: ["10.1.0.2"], "ip-range": ["10.1.4.0/24"] },
        there,
      ),
    ).to.deep.equal(["its gateway is 10.1.0.1, not 10.1.0.2", "its range is not set, not 10.1.4.0/24"]);
  });
});
