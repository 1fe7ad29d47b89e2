import { expect } from "chai";
import * as fc from "fast-check";
import { conditions } from "../../../../src/engine/config/condition.js";
import type { Platform } from "../../../../src/engine/config/platform.js";

const linux: Platform = {
  os_name: "posix",
  sys_platform: "linux",
  platform_system: "Linux",
  platform_machine: "x86_64",
  platform_release: "6.10.3",
  platform_version: "#1 SMP",
  arch: "x64",
  littleEndian: true,
};

function decide(condition: string, platform = linux): boolean | string {
  const source = { name: "test.cfg", text: condition };
  const answer = conditions({ CI: "true", EMPTY: "" }, platform)(condition, {
    source,
    start: 0,
    end: condition.length,
  });
  return typeof answer === "boolean" ? answer : answer.message;
}

const table: readonly (readonly [string, boolean])[] = [
  ["linux", true],
  ["windows or macosx", false],
  ["posix and bits64 and little_endian", true],
  ["amd64 and x86_64 and not arm64", true],
  ["not not linux", true],
  ["not (linux and windows)", true],
  ["True", true],
  ["False", false],
  ["env.CI", true],
  ["env.NOWHERE", false],
  ["env.EMPTY", false],
  ['env.CI == "true"', true],
  ['env["CI"] == "true"', true],
  ['os.environ.get("CI") == "true"', true],
  ['"CI" in env', true],
  ['"NOWHERE" not in env', true],
  ['"EMPTY" in os.environ', true],
  ['not sys.platform == "win32"', true],
  ['platform.machine() == "x86_64" and linux', true],
  ["1 < 2", true],
  ["1 < 2 < 2", false],
  ["2.50 == 2.5", true],
  ["(1) and ('')", false],
  ["'a\\x23b' == 'a\\x23b'", true],
  ["linux or nonsense", true],
  ["windows and nonsense", false],
  ['sys_platform == "linux"', true],
  ["'linux' == sys_platform", true],
  ['sys.platform == "linux" and os.name == "posix"', true],
  ['platform_release >= "6.9"', true],
  ['platform_release < "6.9"', false],
  ['platform_machine in "x86_64 aarch64"', true],
  ['platform_machine not in "x86_64 aarch64"', false],
  ['(sys_platform == "win32" or os_name == "posix") and platform_system != "Darwin"', true],
];

describe("conditions of sections", () => {
  for (const [condition, expected] of table)
    it(`${condition} ${expected ? "holds" : "does not hold"} on Linux`, () => {
      expect(decide(condition)).to.equal(expected);
    });

  it("answer for the machine that they are asked on", () => {
    const windows = { ...linux, os_name: "nt", sys_platform: "win32", arch: "ia32" };
    expect(["windows", "posix", "bits32", "linux"].map((name) => decide(name, windows))).to.deep.equal([
      true,
      false,
      true,
      false,
    ]);
  });

  const broken: readonly (readonly [string, string])[] = [
    ["linux and", "the condition ends too early"],
    ["1 < 'a'", '"<" compares two texts or two numbers'],
    ["1 in 'a'", '"in" looks for a text in a text, or for a name in env'],
    ["sys_platform ~= '1'", '"~=" compares versions of Python packages only'],
    ["sys_platform", '"sys_platform" is compared in an environment marker only'],
    ["pypy", '"pypy" speaks of Python, which has no part in this program'],
    ["env[1]", 'the condition has "1" in the wrong place'],
    ["(".repeat(100_000), "the condition nests too deeply"],
    ["import os", 'the condition asks for "import", which is not known'],
    ["linux.__class__", 'the condition asks for "linux.__class__", which is not known'],
    ['constructor == "x"', 'the condition asks for "constructor", which is not known'],
  ];
  for (const [condition, message] of broken)
    it(`says of ${condition.slice(0, 30)}: ${message}`, () => {
      expect(decide(condition)).to.equal(message);
    });

  it("answer or complain, whatever the text", () => {
    const word = fc.constantFrom(
      "linux",
      "and",
      "or",
      "not",
      "in",
      "(",
      ")",
      "==",
      "<",
      '"a"',
      "1",
      "env",
      ".",
      "[",
      "]",
      " ",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(word).map((words) => words.join(" ")),
          fc.string(),
        ),
        (condition) => {
          expect(decide(condition)).to.satisfy(
            (answer: unknown) => typeof answer === "boolean" || answer !== "",
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
