import { expect } from "chai";
import { hostOf, isRegion, parseEcrHost, repositoryNameFault } from "../../../../src/docker/ecr/address.js";

describe("the address of an ECR registry", () => {
  const account = { accountId: "123456789012", region: "eu-west-1" };
  const hosts: readonly (readonly [string, object | undefined])[] = [
    ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", account],
    ["123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", { ...account, region: "us-gov-west-1" }],
    ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", { ...account, region: "cn-north-1" }],
    ["123456789012.dkr-ecr.eu-west-1.on.aws", account],
    // A token must not go to whoever owns such a name.
    ["123456789012.dkr.ecr.eu-west-1.example.com", undefined],
    ["123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com", undefined],
    ["12345.dkr.ecr.eu-west-1.amazonaws.com", undefined],
    ["public.ecr.aws", undefined],
    ["docker.io", undefined],
    ["127.0.0.1:5000", undefined],
  ];
  for (const [host, expected] of hosts)
    it(`${host} is ${expected ? "one" : "none"}`, () => expect(parseEcrHost(host)).to.deep.equal(expected));

  it("is found in a proxy endpoint", () => {
    expect(hostOf("https://1.dkr.ecr.x.amazonaws.com")).to.equal("1.dkr.ecr.x.amazonaws.com");
    expect(hostOf("http://127.0.0.1:5000/")).to.equal("127.0.0.1:5000");
    expect(hostOf("https://a.example:443")).to.equal("a.example");
  });

  it("has a region of AWS's form", () => {
    for (const good of [
      "us-east-1",
      "ap-southeast-4",
      "us-gov-west-1",
      "cn-northwest-1",
      "eusc-de-east-1",
      "mx-central-1",
    ])
      expect(isRegion(good), good).to.equal(true);
    for (const bad of ["", "mars-1", "us-nowhere-9", "useast1", "us-east", "US-EAST-1", "eu-west-1a"])
      expect(isRegion(bad), bad).to.equal(false);
  });

  it("has repository names that ECR takes", () => {
    for (const good of ["ab", "team/app", "a.b_c-d/e2"])
      expect(repositoryNameFault(good), good).to.equal(undefined);
    expect(repositoryNameFault("a")).to.equal("it needs 2 to 256 characters");
    expect(repositoryNameFault("Team/App")).to.equal("it must be in lower case");
    for (const bad of ["-a", "a//b", "a..b", "a b", "a/"])
      expect(repositoryNameFault(bad), bad).to.equal(
        "it may hold letters, digits, and between them single . _ - and / characters",
      );
  });
});
