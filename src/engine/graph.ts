import type { Need, Part } from "./part.js";

/** An edge of a circle: `from` needs `need.part`. */
export interface Edge {
  readonly from: string;
  readonly need: Need;
}

/** Thrown where parts need each other in a circle in which nothing gives way. */
export class CircleError extends Error {
  override readonly name = "CircleError";
  readonly edges: readonly Edge[];
  constructor(edges: readonly Edge[]) {
    super(edges.map((edge) => `${edge.from} -> ${edge.need.part}`).join(", "));
    this.edges = edges;
  }
}

export interface Order {
  /** Every part after what it needs. */
  readonly parts: readonly Part[];
  /** What each part waits for: its needs without those that gave way in a circle. */
  readonly needs: ReadonlyMap<string, readonly Need[]>;
}

/** Orders parts depth first, in the given order, needs before the part itself. In a circle a loose need gives way;
 *  throws CircleError where all are firm. */
export function orderParts(parts: readonly Part[]): Order {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const dropped = new Set<Need>();
  for (;;) {
    const result = walk(parts, byName, dropped);
    if (!Array.isArray(result)) return result;
    const loose = result.findLast((edge) => !edge.need.firm);
    if (!loose) throw new CircleError(result);
    dropped.add(loose.need);
  }
}

interface Frame {
  readonly part: Part;
  readonly needs: readonly Need[];
  next: number;
}

/** One walk: the order, or the first circle that closes with a firm need. Not recursive: chains may be long. */
function walk(parts: readonly Part[], byName: ReadonlyMap<string, Part>, dropped: Set<Need>): Order | Edge[] {
  const done = new Set<string>();
  const depth = new Map<string, number>();
  const order: Part[] = [];
  const stack: Frame[] = [];
  const enter = (part: Part): void => {
    depth.set(part.name, stack.length);
    stack.push({ part, needs: [...part.needs.values()], next: 0 });
  };
  for (const root of parts) {
    if (!done.has(root.name)) enter(root);
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const need = frame.needs[frame.next++];
      if (!need) {
        stack.pop();
        depth.delete(frame.part.name);
        done.add(frame.part.name);
        order.push(frame.part);
        continue;
      }
      const target = byName.get(need.part);
      if (!target || done.has(need.part) || dropped.has(need)) continue;
      const at = depth.get(need.part);
      if (at === undefined) enter(target);
      else if (need.firm) return circle(stack.slice(at));
      else dropped.add(need);
    }
  }
  return { parts: order, needs: keptNeeds(order, byName, dropped) };
}

/** The edges of the circle that the frames on the stack form: each is at the need that it entered last. */
function circle(frames: readonly Frame[]): Edge[] {
  return frames.map((frame) => ({ from: frame.part.name, need: frame.needs[frame.next - 1]! }));
}

function keptNeeds(order: readonly Part[], byName: ReadonlyMap<string, Part>, dropped: ReadonlySet<Need>) {
  const kept = (part: Part) =>
    [...part.needs.values()].filter((need) => byName.has(need.part) && !dropped.has(need));
  return new Map(order.map((part) => [part.name, kept(part)]));
}

/** Orders names so that each comes after those it needs, else in the given order; what closes a circle gives way. */
export function orderNames(names: Iterable<string>, needsOf: (name: string) => readonly string[]): string[] {
  const all = new Set(names);
  const seen = new Set<string>();
  const order: string[] = [];
  for (const root of all) {
    if (seen.has(root)) continue;
    seen.add(root);
    const stack = [{ name: root, needs: needsOf(root), next: 0 }];
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const need = frame.needs[frame.next++];
      if (need === undefined) {
        order.push(frame.name);
        stack.pop();
      } else if (all.has(need) && !seen.has(need)) {
        seen.add(need);
        stack.push({ name: need, needs: needsOf(need), next: 0 });
      }
    }
  }
  return order;
}

/** All that `start` leads to, itself included. */
export function closure(start: Iterable<string>, next: (name: string) => Iterable<string>): Set<string> {
  const found = new Set(start);
  for (const name of found) for (const other of next(name)) found.add(other);
  return found;
}
