import type { InstallContext, PartRecord, Recipe, UninstallContext } from "../../src/engine/contract.js";
import { option, type Schema } from "../../src/engine/schema.js";

/** Something on the model's engine, in the way of a network or a container. */
export interface Thing {
  readonly part: string;
  /** Of each making another one. */
  readonly made: number;
  readonly v: string;
  readonly w: string;
  /** `part=value` a line: what it refers to. */
  readonly refs: string;
}

/** What goes wrong in a run, by part. */
export type Fault = "before" | "after" | "update" | "uninstall";

/** An engine that refuses to remove what is in use, and to use what is not there. */
export class World {
  readonly things = new Map<string, Thing>();
  /** Things that were left on purpose: nobody keeps book of them. */
  readonly left = new Set<string>();
  readonly violations: string[] = [];
  faults: ReadonlyMap<string, Fault> = new Map();
  /** Called at every step of a recipe. */
  onStep: () => void = () => {};
  #made = 0;

  next(): number {
    return ++this.#made;
  }

  put(name: string, thing: Thing): void {
    for (const user of usedParts(thing.refs))
      if (![...this.things.values()].some((other) => other.part === user))
        this.violate(`${name} uses ${user}, which is not there`);
    this.things.set(name, thing);
  }

  remove(name: string): void {
    const thing = this.things.get(name);
    if (!thing) return;
    const twins = [...this.things].filter(([other, { part }]) => part === thing.part && other !== name);
    for (const [user, { part, refs }] of this.things)
      if (
        part !== thing.part &&
        twins.length === 0 &&
        !this.left.has(user) &&
        usedParts(refs).includes(thing.part)
      )
        this.violate(`${name} is removed while ${user} uses it`);
    this.things.delete(name);
  }

  violate(what: string): never {
    this.violations.push(what);
    throw new Error(what);
  }

  fail(part: string, fault: Fault): void {
    if (this.faults.get(part) === fault) throw Object.assign(new Error("told to fail"), { problem: PROBLEM });
  }
}

const PROBLEM = { code: "model/told", message: "told to fail" };

function usedParts(refs: string): string[] {
  return refs === "" ? [] : refs.split("\n").map((line) => line.slice(0, line.indexOf("=")));
}

const options = {
  v: option.string({ doc: "A change makes it anew." }),
  w: option.string({ doc: "A change is an update.", inPlace: true }),
  fixed: option.string({ doc: "References; a change makes it anew." }),
  loose: option.string({ doc: "References; a change is an update.", inPlace: true }),
} satisfies Schema;

const outputs = {
  id: { doc: "By v." },
  made: { doc: "Another at each making." },
  same: { doc: "Always the same." },
};

function refsOf({ text }: Pick<InstallContext<Schema>, "text">): string {
  return [text("fixed"), text("loose")].filter(Boolean).join("\n");
}

function outputsOf(thing: Thing): Record<string, string> {
  return { id: `id-${thing.v}`, made: `made-${thing.made}`, same: "same" };
}

function thingOf(context: InstallContext<Schema>, made: number): Thing {
  return {
    part: context.part,
    made,
    v: context.text("v") ?? "",
    w: context.text("w") ?? "",
    refs: refsOf(context),
  };
}

export function recipesOf(world: World): Record<string, Recipe> {
  const step = (signal: AbortSignal): void => {
    world.onStep();
    signal.throwIfAborted();
  };
  const install = async (context: InstallContext<Schema>) => {
    const { part, signal } = context;
    step(signal);
    world.fail(part, "before");
    const made = world.next();
    const name = `${part}-${made}`;
    await context.created({ kind: "thing", name });
    step(signal);
    const thing = thingOf(context, made);
    world.put(name, thing);
    world.fail(part, "after");
    step(signal);
    return outputsOf(thing);
  };
  const update = async (context: InstallContext<Schema>) => {
    step(context.signal);
    world.fail(context.part, "update");
    const { name } = context.record!.resources[0]!;
    const made = Number(name.slice(name.lastIndexOf("-") + 1));
    const thing = thingOf(context, made);
    world.put(name, thing);
    step(context.signal);
    return outputsOf(thing);
  };
  const uninstall = async ({ record, because }: UninstallContext) => {
    if (because !== "failed") world.onStep();
    world.fail(record.part, "uninstall");
    for (const { name } of record.resources) world.remove(name);
  };
  const bare: Recipe = { doc: "Makes a thing.", version: "1", options, outputs, install, uninstall };
  const look = async ({ records }: { records: readonly PartRecord[] }) => {
    const gone = records.filter(({ resources }) => !resources.every(({ name }) => world.things.has(name)));
    return new Map(
      gone.map(({ part }) => [part, [{ kind: "missing" as const, message: `the thing of ${part} is gone` }]]),
    );
  };
  return { bare, plain: { ...bare, update }, look: { ...bare, update, look } };
}
