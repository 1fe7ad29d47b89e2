import { expect } from "chai";
import { OptionValueError } from "tsbuildout/recipe";
import { parseWaitFor } from "../../../src/recipes/wait-for.js";
import { listeningPorts } from "../../../src/recipes/run-wait.js";

describe("wait-for", () => {
  const cases: readonly [string, object][] = [
    ["healthy", { kind: "healthy" }],
    ["port 5432", { kind: "port", port: 5432, protocol: "tcp" }],
    ["port 53/udp", { kind: "port", port: 53, protocol: "udp" }],
    ["log ready to accept .* connections", { kind: "log", pattern: /ready to accept .* connections/ }],
    ["log /READY/i", { kind: "log", pattern: /READY/i }],
    ["exit", { kind: "exit", codes: [0] }],
    ["exit 0 3", { kind: "exit", codes: [0, 3] }],
  ];
  for (const [text, expected] of cases)
    it(`reads ${text}`, () => {
      expect(parseWaitFor(text)).to.deep.equal(expected);
    });

  const wrong: readonly [string, string][] = [
    ["happy", '"happy" is not something to wait for'],
    ["port web", '"port web" does not name a port'],
    ["port 0", '"port 0" does not name a port'],
    ["log", '"log" is not something to wait for'],
    ["log (", '"(" is not a regular expression'],
    ["exit soon", '"exit soon" is not something to wait for'],
  ];
  for (const [text, message] of wrong)
    it(`refuses ${text}`, () => {
      expect(() => parseWaitFor(text)).to.throw(OptionValueError, message);
    });

  it("finds listening ports in the kernel's tables", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1",
      "   1: 0200000A:0050 0300000A:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1",
      "   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 3",
    ].join("\n");
    expect([...listeningPorts(table, "tcp")]).to.deep.equal([8080, 443]);
    expect([...listeningPorts(table, "udp")]).to.deep.equal([8080, 80, 443]);
  });
});
