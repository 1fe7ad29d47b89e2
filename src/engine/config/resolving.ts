import type { Diagnostic } from "../diagnostic.js";
import type { Section } from "./model.js";
import type { Resolved } from "./outside.js";
import type { Step } from "./reference-mistakes.js";
import type { Template } from "./template.js";

// What the Resolver remembers of sections, and of the values that it is at.

export const FAILED = Symbol("failed");
export const RUNNING = Symbol("running");
export type Cell = Resolved | typeof FAILED | typeof RUNNING;

/** What is known of a section so far. */
export interface State {
  readonly section: Section;
  /** Only of values that hold references, and of what comes from outside; a plain text is its own value. */
  cells: Map<string, Cell> | undefined;
  mistakes: Diagnostic[];
  /** Sections that its values mention: who needs this section needs those as well. */
  touched: State[] | undefined;
  complete: boolean;
  /** It was found free of mistakes, together with all that it touches. */
  sound: boolean;
}

export const NONE: Diagnostic[] = [];

export function complain(state: State, mistake: Diagnostic): void {
  if (state.mistakes === NONE) state.mistakes = [];
  state.mistakes.push(mistake);
}

/** Who needs `state` needs `target` as well. */
export function touch(state: State, target: State): void {
  if (target === state) return;
  if (!state.touched) state.touched = [target];
  else if (state.touched.at(-1) !== target) state.touched.push(target);
}

export function put(state: State, option: string, cell: Cell): Cell {
  (state.cells ??= new Map()).set(option, cell);
  return cell;
}

/** A value that is being resolved, with how far it got. */
export class Frame {
  readonly state: State;
  readonly option: string;
  readonly template: Template;
  secret: boolean;
  next = 0;
  text = "";
  unknown: Set<string> | undefined = undefined;
  failed = false;

  constructor(to: Pick<Frame, "state" | "option" | "template" | "secret">) {
    this.state = to.state;
    this.option = to.option;
    this.template = to.template;
    this.secret = to.secret;
  }
}

/** The last frame has just gone past the reference that closes the loop; the others wait at theirs. */
export function stepOf({ state, option, template, next }: Frame, i: number, stack: readonly Frame[]): Step {
  const uses = template[i < stack.length - 1 ? next : next - 1];
  return { section: state.section.name, option, uses: typeof uses === "object" ? uses : undefined };
}
