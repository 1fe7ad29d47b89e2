import { expect } from "chai";
import {
  decide,
  type Fingerprint,
  NOTHING_OBSERVED,
  type Observed,
  type Wanted,
} from "../../../src/engine/decide.js";
import { renderReason } from "../../../src/engine/reason.js";
import type { StoredRecord } from "../../../src/engine/state.js";

const print = (text: string | null, unknown: string[] = []): Fingerprint => ({
  text,
  secret: false,
  unknown,
});

const wanted = (more: Partial<Wanted> = {}): Wanted => ({
  recipe: "r",
  version: "1",
  options: new Map([["a", print("1")]]),
  isInPlace: (name) => name === "b",
  inputs: {},
  inputsAfter: [],
  hasUpdate: true,
  always: false,
  protects: undefined,
  replace: false,
  ...more,
});

const record = (more: Partial<StoredRecord> = {}): StoredRecord => ({
  part: "p",
  recipe: "r",
  version: "1",
  phase: "installed",
  options: { a: "1" },
  inputs: {},
  outputs: {},
  resources: [],
  needs: [],
  keep: false,
  installedAt: "2026-11-20T22:00:00.000Z",
  ...more,
});

/** With something that the part made. */
const made = record({ resources: [{ kind: "thing", name: "p" }] });

const options = (...entries: [string, Fingerprint][]): Partial<Wanted> => ({ options: new Map(entries) });

interface Row {
  readonly what: string;
  readonly wanted?: Wanted | undefined;
  readonly record?: StoredRecord | undefined;
  readonly observed?: Partial<Observed>;
  readonly says: readonly string[];
}

const gone = { wanted: undefined };
const drift = (repair: "update" | "reinstall" | "none", kind: "missing" | "changed" = "missing") => ({
  drift: [{ kind, message: "it is gone", repair }],
});

const LONG = "0123456789abcdef".repeat(4) + "01234";

const rows: readonly Row[] = [
  { what: "nothing moved", says: ["none"] },
  { what: "no record", record: undefined, says: ["install", "not installed yet"] },
  { what: "gone from the file", ...gone, says: ["uninstall", "no longer in the configuration"] },
  {
    what: "gone and kept",
    ...gone,
    record: record({ keep: true }),
    says: ["forget", "no longer in the configuration"],
  },
  {
    what: "gone, kept, and half made",
    ...gone,
    record: record({ keep: true, phase: "installing" }),
    says: ["uninstall", "no longer in the configuration"],
  },
  {
    what: "an option changed",
    wanted: wanted(options(["a", print("2")])),
    says: ["reinstall", "option a: 1 -> 2"],
  },
  {
    what: "an option appeared and one went",
    wanted: wanted(options(["c", print("")])),
    says: ["reinstall", "option a: 1 -> (not set)", 'option c: (not set) -> ""'],
  },
  {
    what: "an option appeared whose name every object has",
    wanted: wanted(options(["a", print("1")], ["constructor", print("x")])),
    says: ["reinstall", "option constructor: (not set) -> x"],
  },
  {
    what: "an option of several lines appeared",
    wanted: wanted(options(["a", print("1")], ["c", print("x\ny")])),
    says: ["reinstall", "option c: +x +y"],
  },
  {
    what: "lines of an option changed",
    wanted: wanted(options(["a", print("x=1\ny=2")])),
    record: record({ options: { a: "x=1\ny=1\nz=1" } }),
    says: ["reinstall", "option a: -y=1 -z=1 +y=2"],
  },
  {
    what: "the end of a long option changed",
    wanted: wanted(options(["a", print(`${LONG} --port 81 --host ${LONG}`)])),
    record: record({ options: { a: `${LONG} --port 80` } }),
    says: [
      "reinstall",
      `option a: …abcdef01234 --port 80 -> …abcdef01234 --port 81 --host ${LONG.slice(0, 31)}…`,
    ],
  },
  {
    what: "the end of a long line of an option changed",
    wanted: wanted(options(["a", print(`x=1\ny=${LONG}2`)])),
    record: record({ options: { a: `x=1\ny=${LONG}1` } }),
    says: ["reinstall", "option a: -…123456789abcdef012341 +…123456789abcdef012342"],
  },
  {
    what: "a secret changed",
    wanted: wanted(options(["a", { text: "secret:2", secret: true, unknown: [] }])),
    record: record({ options: { a: "secret:1" } }),
    says: ["reinstall", "option a: *** -> ***"],
  },
  {
    what: "an option changed that is applied in place",
    wanted: wanted(options(["a", print("1")], ["b", print("2")])),
    record: record({ options: { a: "1", b: "1" } }),
    says: ["update", "option b: 1 -> 2"],
  },
  {
    what: "the same, without an update",
    wanted: wanted({ ...options(["a", print("1")], ["b", print("2")]), hasUpdate: false }),
    record: record({ options: { a: "1", b: "1" } }),
    says: ["reinstall", "option b: 1 -> 2"],
  },
  {
    what: "an option is known only later",
    wanted: wanted(options(["a", print(null, ["x:id"])])),
    says: ["maybe", "option a: known after x:id"],
  },
  {
    what: "an option is known only later, and what the recipe computes from it",
    wanted: wanted(
      options(["a", print(null, ["x:id"])], ["c", { ...print(null, ["x:id"]), computed: true }]),
    ),
    says: ["maybe", "option a: known after x:id"],
  },
  {
    what: "only what the recipe computes is known later",
    wanted: wanted(options(["a", print("1")], ["c", { ...print(null, ["x:id"]), computed: true }])),
    says: ["maybe", "option c: known after x:id"],
  },
  {
    what: "inputs changed",
    wanted: wanted({ inputs: { context: "2", new: "1" } }),
    record: record({ inputs: { context: "1", old: "1" } }),
    says: ["update", "input context changed", "input new is newly read", "input old is no longer read"],
  },
  {
    what: "inputs can be read only later",
    wanted: wanted({ inputs: undefined, inputsAfter: ["x"] }),
    says: ["maybe", "what it reads: known after x"],
  },
  {
    what: "an option is changed in place, and inputs can be read only later",
    wanted: wanted({
      ...options(["a", print("2")]),
      isInPlace: () => true,
      inputs: undefined,
      inputsAfter: ["x"],
    }),
    says: ["update", "option a: 1 -> 2", "what it reads: known after x"],
  },
  {
    what: "an option is changed in place, and one that takes a reinstall is known only later",
    wanted: wanted({
      ...options(["a", print("2")], ["b", print(null, ["x:id"])]),
      isInPlace: (name) => name === "a",
    }),
    says: ["maybe", "option a: 1 -> 2", "option b: known after x:id"],
  },
  { what: "another recipe", wanted: wanted({ recipe: "s" }), says: ["reinstall", "recipe: r -> s"] },
  {
    what: "another recipe, which has other options",
    wanted: wanted({ recipe: "s", ...options(["c", print("1")]) }),
    says: ["reinstall", "recipe: r -> s"],
  },
  { what: "another version", wanted: wanted({ version: "2" }), says: ["reinstall", "recipe version 1 -> 2"] },
  {
    what: "an install was cut off",
    record: record({ phase: "installing" }),
    says: ["reinstall", "the last install was interrupted or failed"],
  },
  {
    what: "an uninstall was cut off",
    record: record({ phase: "uninstalling" }),
    says: ["reinstall", "the last uninstall was interrupted or failed"],
  },
  {
    what: "an update was cut off",
    record: record({ phase: "updating" }),
    says: ["update", "the last update was interrupted or failed"],
  },
  { what: "a file is gone", observed: { missing: ["parts/p"] }, says: ["reinstall", "parts/p is gone"] },
  {
    what: "a file is gone, and the recipe knows how to make it again",
    observed: {
      missing: ["a.tar", "b"],
      drift: [{ kind: "missing", message: "a.tar is gone", file: "a.tar" }],
    },
    says: ["reinstall", "b is gone", "a.tar is gone"],
  },
  {
    what: "only such a file is gone",
    observed: { missing: ["a.tar"], drift: [{ kind: "missing", message: "a.tar is gone", file: "a.tar" }] },
    says: ["update", "a.tar is gone"],
  },
  { what: "drift", observed: drift("update"), says: ["update", "it is gone"] },
  { what: "drift that takes more", observed: drift("reinstall"), says: ["reinstall", "it is gone"] },
  { what: "drift that no run can mend", observed: drift("none"), says: ["none"] },
  {
    what: "a need is made anew",
    observed: { reinstalled: ["n"] },
    says: ["reinstall", "needs n, which is reinstalled"],
  },
  {
    what: "a need may be made anew",
    observed: { uncertain: ["n"] },
    says: ["maybe", "needs n, which is perhaps reinstalled"],
  },
  { what: "a need goes, and nothing else moves", observed: { uninstalled: ["n"] }, says: ["none"] },
  {
    what: "a need goes, and an option changes with it",
    wanted: wanted(options(["a", print("1")], ["b", print("2")])),
    record: record({ options: { a: "1", b: "1" } }),
    observed: { uninstalled: ["n"] },
    says: ["reinstall", "needs n, which is uninstalled", "option b: 1 -> 2"],
  },
  {
    what: "a need goes, and an option may change with it",
    wanted: wanted(options(["a", print(null, ["x:id"])])),
    observed: { uninstalled: ["n"] },
    says: ["reinstall", "needs n, which is uninstalled"],
  },
  {
    what: "its secret output is wanted",
    observed: { wantedOutputs: [{ name: "token", reader: "x" }] },
    says: ["update", "x needs its secret output token, which is not recorded"],
  },
  {
    what: "a recipe that updates always",
    wanted: wanted({ always: true }),
    says: ["update", "its recipe updates at every run"],
  },
  {
    what: "protected, an option changed",
    wanted: wanted({ ...options(["a", print("2")]), protects: "data" }),
    record: made,
    says: ["refused", "option a: 1 -> 2"],
  },
  {
    what: "protected, a changed option of what it only uses and did not make",
    wanted: wanted({ ...options(["a", print("2")]), protects: "data" }),
    says: ["reinstall", "option a: 1 -> 2"],
  },
  {
    what: "protected, and told to replace it",
    wanted: wanted({ ...options(["a", print("2")]), protects: "data", replace: true }),
    says: ["reinstall", "option a: 1 -> 2"],
  },
  {
    what: "protected, and gone by itself",
    wanted: wanted({ protects: "data" }),
    record: made,
    observed: drift("reinstall"),
    says: ["reinstall", "it is gone"],
  },
  {
    what: "protected, and changed on the engine so that it would have to go",
    wanted: wanted({ protects: "data" }),
    record: made,
    observed: drift("reinstall", "changed"),
    says: ["refused", "it is gone"],
  },
  {
    what: "protected, with a new version and a rebuilt need",
    wanted: wanted({ protects: "data", version: "2" }),
    record: made,
    observed: { reinstalled: ["n"] },
    says: ["update", "recipe version 1 -> 2", "needs n, which is reinstalled"],
  },
  {
    what: "protected, and half made",
    wanted: wanted({ ...options(["a", print("2")]), protects: "data" }),
    record: { ...made, phase: "installing" },
    says: ["reinstall", "the last install was interrupted or failed", "option a: 1 -> 2"],
  },
  {
    what: "protected, and back in the file after an uninstall that failed",
    wanted: wanted({ protects: "data" }),
    record: { ...made, phase: "uninstalling" },
    says: ["update", "the last uninstall was interrupted or failed"],
  },
  {
    what: "protected, back in the file, and changed",
    wanted: wanted({ ...options(["a", print("2")]), protects: "data" }),
    record: { ...made, phase: "uninstalling" },
    says: ["refused", "option a: 1 -> 2"],
  },
  {
    what: "protected, back in the file, and without an update that would look after it",
    wanted: wanted({ protects: "data", hasUpdate: false }),
    record: { ...made, phase: "uninstalling" },
    says: ["refused", "the last uninstall was interrupted or failed"],
  },
];

describe("decide", () => {
  for (const row of rows)
    it(`${row.what}: ${row.says[0]}`, () => {
      const { action, reasons, refused } = decide(
        "wanted" in row ? row.wanted : wanted(),
        "record" in row ? row.record : record(),
        { ...NOTHING_OBSERVED, ...row.observed },
      );
      expect([refused.length > 0 ? "refused" : action, ...reasons.map(renderReason)]).to.deep.equal(row.says);
    });
});
