import { expect } from "chai";
import { array, assert as check, constantFrom, property } from "fast-check";
import {
  parseAddress,
  parseExposed,
  parsePort,
  portSettings,
  publishedPorts,
} from "../../../src/docker/ports.js";
import { SpecError } from "../../../src/docker/spec.js";

const tcp = (container: number, hostPort = "", hostIp = "") => ({
  container,
  protocol: "tcp",
  hostIp,
  hostPort,
});

describe("ports", () => {
  const cases: readonly [string, object[]][] = [
    ["80", [tcp(80)]],
    ["8080:80", [tcp(80, "8080")]],
    ["127.0.0.1:8080:80/udp", [{ ...tcp(80, "8080", "127.0.0.1"), protocol: "udp" }]],
    ["127.0.0.1::80", [tcp(80, "", "127.0.0.1")]],
    ["[::1]:8080:80", [tcp(80, "8080", "::1")]],
    ["[::1]::80", [tcp(80, "", "::1")]],
    ["::1:8080:80", [tcp(80, "8080", "::1")]],
    ["8000-8001:90-91", [tcp(90, "8000"), tcp(91, "8001")]],
    ["90-91", [tcp(90), tcp(91)]],
    ["8000-8010:80", [tcp(80, "8000-8010")]],
    ["0:80/SCTP", [{ ...tcp(80, "0"), protocol: "sctp" }]],
    ["published=8080,target=80,protocol=udp", [{ ...tcp(80, "8080"), protocol: "udp" }]],
    ["target=80", [tcp(80)]],
    ["08080:080", [tcp(80, "8080")]],
  ];
  for (const [text, expected] of cases)
    it(`reads ${text}`, () => {
      expect(parsePort(text)).to.deep.equal(expected);
    });

  const wrong: readonly [string, string][] = [
    ["web", '"web" is not a port'],
    ["8080:web", '"8080:web" is not a port'],
    ["70000:80", '"70000:80" has a port above 65535'],
    ["localhost:80:80", '"localhost:80:80" publishes on "localhost", which is not an IP address'],
    [
      "[fe80::1%eth0]:80:80",
      '"[fe80::1%eth0]:80:80" publishes on "fe80::1%eth0", which is not an IP address',
    ],
    ["80/icmp", '"80/icmp" names a protocol that is not tcp, udp or sctp'],
    ["8000-8002:80-81", '"8000-8002:80-81" pairs 3 host ports with 2 container ports'],
    ["9-8", '"9-8" has a range that ends before it starts'],
    ["target=80,host=1", '"target=80,host=1" has a field "host" that a port does not have'],
  ];
  for (const [text, message] of wrong)
    it(`refuses ${text}`, () => {
      expect(() => parsePort(text)).to.throw(SpecError, message);
    });

  it("takes nothing of the host for a port that is only exposed", () => {
    expect(parseExposed("80-81/udp").map(({ container }) => container)).to.deep.equal([80, 81]);
    expect(() => parseExposed("80:80")).to.throw(SpecError, '"80:80" names a port of the host');
  });

  it("tells addresses from names", () => {
    expect(["10.0.0.1", "fd00::1"].map(parseAddress)).to.deep.equal(["10.0.0.1", "fd00::1"]);
    for (const text of ["dns.test", "1.1.1.1,2.2.2.2", "fe80::1%eth0"])
      expect(() => parseAddress(text)).to.throw(SpecError, `"${text}" is not an IP address`);
  });

  it("never fails in another way than by saying what is wrong", () => {
    const pieces = array(constantFrom(":", "/", "-", "80", "8", "[", "]", "::", "tcp", "=", ",", '"', "x"));
    check(
      property(pieces, (words) => {
        try {
          parsePort(words.join(""));
        } catch (error) {
          expect(error).to.be.instanceOf(SpecError);
        }
      }),
    );
  });

  it("binds a port to several addresses", () => {
    const ports = ["127.0.0.1:80:80", "[::1]:80:80"].flatMap(parsePort);
    expect(portSettings(ports, parsePort("53/udp"))).to.deep.equal({
      exposed: { "80/tcp": {}, "53/udp": {} },
      bindings: {
        "80/tcp": [
          { HostIp: "127.0.0.1", HostPort: "80" },
          { HostIp: "::1", HostPort: "80" },
        ],
      },
    });
  });

  it("tells the published ports in the spelling that it reads", () => {
    const lines = publishedPorts({
      "443/tcp": [{ HostIp: "::", HostPort: "8443" }],
      "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "49153" }],
      "9/udp": null,
    });
    expect(lines).to.deep.equal(["0.0.0.0:49153:80/tcp", "[::]:8443:443/tcp"]);
    expect(lines.flatMap(parsePort)).to.have.length(2);
  });
});
