/** A hole is a place in a resolved text for a value that is not known yet: another part's output, or an option
 *  that its recipe has still to compute. It travels through references like any text, so that the language needs
 *  to know nothing of it, and is filled when the value is there. */
const OPEN = "\u0000<";
const MIDDLE = "\u0000:";
const CLOSE = "\u0000>";
// oxlint-disable-next-line no-control-regex
const HOLE = /\u0000<([^\u0000]*)\u0000:([^\u0000]*)\u0000>/g;

export interface Hole {
  readonly section: string;
  readonly option: string;
}

export function makeHole({ section, option }: Hole): string {
  return OPEN + section + MIDDLE + option + CLOSE;
}

export function hasHole(text: string): boolean {
  return text.includes(OPEN);
}

export function holesOf(text: string): Hole[] {
  if (!hasHole(text)) return [];
  return [...text.matchAll(HOLE)].map((match) => ({ section: match[1]!, option: match[2]! }));
}

/** The text with those holes filled that `value` knows. */
export function fillHoles(text: string, value: (hole: Hole) => string | undefined): string {
  if (!hasHole(text)) return text;
  return text.replace(HOLE, (hole, section: string, option: string) => value({ section, option }) ?? hole);
}

export function holeName({ section, option }: Hole): string {
  return `${section}:${option}`;
}
