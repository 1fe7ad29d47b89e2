import * as fc from "fast-check";
import type { Fault } from "./model.js";

export const NAMES = ["a", "b", "c", "d", "e", "f"] as const;
type Name = (typeof NAMES)[number];

interface Reference {
  readonly to: Name;
  readonly what: "v" | "id" | "made" | "same";
  readonly option: "fixed" | "loose";
}

/** One part as a file describes it. */
export interface PartSpec {
  readonly listed: boolean;
  readonly recipe: "bare" | "plain" | "look";
  readonly v: string;
  readonly w: string;
  readonly keep: boolean;
  /** Only to parts that come earlier in the alphabet, or in a circle through values that are known beforehand. */
  readonly refs: readonly Reference[];
}

export interface StepSpec {
  readonly parts: readonly PartSpec[];
  readonly faults: ReadonlyMap<string, Fault>;
  /** Interrupt at this step of a recipe; 0: never. */
  readonly interruptAt: number;
  readonly jobs: number;
  /** Parts whose things somebody removes before the run. */
  readonly vanish: readonly Name[];
  readonly only: readonly Name[];
  readonly failFast: boolean;
}

const small = fc.constantFrom("1", "2");

function partSpec(index: number): fc.Arbitrary<PartSpec> {
  const earlier = NAMES.slice(0, index);
  const reference = fc.record({
    to: fc.constantFrom(...(earlier.length > 0 ? earlier : (["a"] as const))),
    what: fc.constantFrom("v", "id", "made", "same"),
    option: fc.constantFrom("fixed", "loose"),
  }) as fc.Arbitrary<Reference>;
  return fc.record({
    listed: fc.boolean(),
    recipe: fc.constantFrom("bare", "plain", "look"),
    v: small,
    w: small,
    keep: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    refs: index === 0 ? fc.constant([]) : fc.array(reference, { maxLength: 2 }),
  }) as fc.Arbitrary<PartSpec>;
}

const parts = fc.tuple(...NAMES.map((_, index) => partSpec(index)));
const fault = fc.constantFrom("before", "after", "update", "uninstall");
const name = fc.constantFrom(...NAMES);

/** Some parts of a file described anew: most edits touch one or two things. */
const edit = fc.array(fc.tuple(fc.nat({ max: NAMES.length - 1 }), parts), { maxLength: 3 });

export const scenario: fc.Arbitrary<readonly StepSpec[]> = fc
  .tuple(
    parts,
    fc.array(
      fc.record({
        edit,
        faults: fc.array(fc.tuple(name, fault), { maxLength: 2 }),
        interruptAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
        jobs: fc.integer({ min: 1, max: 4 }),
        vanish: fc.array(name, { maxLength: 1 }),
        only: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(name, { maxLength: 2 })),
        failFast: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([first, steps]) => {
    let current: readonly PartSpec[] = first;
    return steps.map((step) => {
      current = current.map((part, i) => step.edit.findLast(([at]) => at === i)?.[1][i] ?? part);
      return { ...step, parts: current, faults: new Map(step.faults as [string, Fault][]) };
    });
  });

/** The file that describes these parts. */
export function configOf(specs: readonly PartSpec[]): string {
  const listed = NAMES.filter((_, index) => specs[index]!.listed);
  const sections = specs.map((spec, index) => {
    const lines = [`[${NAMES[index]}]`, `recipe = ${spec.recipe}`, `v = ${spec.v}`, `w = ${spec.w}`];
    if (spec.keep) lines.push("keep = true");
    for (const option of ["fixed", "loose"] as const) {
      const refs = spec.refs.filter((ref) => ref.option === option);
      if (refs.length > 0)
        lines.push(`${option} =`, ...refs.map(({ to, what }) => `  ${to}=$<${to}:${what}>`));
    }
    return lines.join("\n");
  });
  return [`[buildout]\nparts = ${listed.join(" ")}`, ...sections, ""].join("\n");
}

/** The parts that a file wants: those listed and all that they refer to. */
export function wantedOf(specs: readonly PartSpec[], start?: readonly string[]): Set<string> {
  const wanted = new Set<string>(start ?? NAMES.filter((_, index) => specs[index]!.listed));
  for (const name of wanted) for (const { to } of specs[NAMES.indexOf(name as Name)]!.refs) wanted.add(to);
  return wanted;
}
