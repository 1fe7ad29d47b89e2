import { expect } from "chai";
import * as fc from "fast-check";
import type { Resource } from "../../../src/engine/contract.js";
import { hashSecret, newState, type State, type StoredRecord, table } from "../../../src/engine/state.js";
import { decodeState, encodeState, StateFormatError } from "../../../src/engine/state-file.js";

/** Texts that INI files are known to garble, and any other. */
const text = fc.oneof(
  fc.constantFrom(
    "true",
    "null",
    "false",
    "",
    "[x]",
    "a.b",
    "a[]",
    '"',
    "'",
    '"q"',
    "'q'",
    "__proto__",
    "constructor",

    "a;b",
    "a#b",
    "a=b",
    "\\",
    "\\;",
    "a\nb",
    "\r\n",
    "\u2028",
    "\u0085",
    "\ufeff",
    " x ",
    "\t",
    "%",
    "%0041%",
    "é漢",
    "1e3",
    "undefined",
    "part:x",
    "=",
    ";",
    "#",
    "]",
    "${a:b}",
    "secret:x",
    "a\u0000b",
    "\ud800",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ maxLength: 30 }),
);

const texts = fc.array(fc.tuple(text, text), { maxLength: 4 }).map((entries) => {
  const made = table();
  for (const [name, value] of entries) made[name] = value;
  return made;
});

const record = fc.record({
  part: text,
  recipe: text,
  version: text,
  phase: fc.constantFrom("installed", "installing", "updating", "uninstalling"),
  installedAt: fc.constant("2026-11-20T22:00:00.000Z"),
  keep: fc.boolean(),
  needs: fc.array(text, { maxLength: 3 }),
  options: texts,
  inputs: texts,
  outputs: texts,
  resources: fc.array(
    fc.tuple(text, text, texts).map(([kind, name, more]): Resource => ({ ...more, kind, name })),
    { maxLength: 3 },
  ),
}) as fc.Arbitrary<StoredRecord>;

function stateOf(records: readonly StoredRecord[]): State {
  return { ...newState(), generation: 7, records: new Map(records.map((each) => [each.part, each])) };
}

const plain = (state: State): unknown =>
  JSON.parse(JSON.stringify({ ...state, records: [...state.records] }));

describe("the installed-state file", () => {
  it("gives back any name and any value", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 4 }), (records) => {
        const state = stateOf(records);
        expect(plain(decodeState(encodeState(state)))).to.deep.equal(plain(state));
      }),
      { numRuns: 1000 },
    );
  });

  it("is one that a person can read", () => {
    const record: StoredRecord = {
      part: "web",
      recipe: "docker.run",
      version: "1",
      phase: "installed",
      installedAt: "2026-11-20T22:00:00.000Z",
      keep: false,
      needs: ["back", "data"],
      options: { image: "nginx:1.27", env: "A=1\nB=2" },
      inputs: {},
      outputs: { "container-id": "ab12" },
      resources: [{ kind: "container", name: "web" }],
    };
    const state = { ...stateOf([record]), id: "0123456789ab", key: "00" };
    expect(encodeState(state)).to.equal(
      [
        "; What tsbuildout has installed. Written by it; to change something, edit the buildout file.",
        "[buildout]",
        "version=1",
        "id=0123456789ab",
        "key=00",
        "generation=7",
        "",
        "[part:web]",
        "recipe=docker.run",
        "version=1",
        "installed=2026-11-20T22:00:00.000Z",
        "needs=back data",
        "option:image=nginx:1.27",
        'option:env="A=1\\nB=2"',
        "output:container-id=ab12",
        "resource:0:kind=container",
        "resource:0:name=web",
        "",
      ].join("\n"),
    );
  });

  it("of a newer version is told from one that is broken", () => {
    const newer = encodeState(stateOf([])).replace("version=1", "version=2");
    expect(() => decodeState(newer))
      .to.throw(StateFormatError, "it has version 2")
      .with.property("newer", true);
    for (const broken of [
      "",
      "nonsense",
      "[buildout]\nversion=x",
      encodeState(stateOf([])).replace(/^id=.*$/m, ""),
    ])
      expect(() => decodeState(broken))
        .to.throw(StateFormatError)
        .with.property("newer", false);
  });

  it("hashes a secret with a key of its own", () => {
    const [one, other] = [newState(), newState()];
    expect(hashSecret("x", one.key))
      .to.equal(hashSecret("x", one.key))
      .and.not.equal(hashSecret("x", other.key));
    expect(hashSecret("x", one.key)).not.to.contain("x".repeat(2));
  });
});
