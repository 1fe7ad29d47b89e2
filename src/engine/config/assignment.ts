import { DiagnosticError } from "../diagnostic.js";
import type { Source } from "../text.js";
import { configError } from "./mistakes.js";
import { type Operator, Piece, type Value } from "./model.js";
import type { Amendment } from "./scan.js";
import { strip } from "./space.js";

/** What the command line says about options, section by section. */
export type Assignments = Map<
  string,
  { readonly sets: Map<string, Value>; readonly amendments: Map<string, Amendment> }
>;

/**
 * Reads `section:option=value`, `+=` and `-=`; the section defaults to `buildout`. A later `=` discards what came
 * before it, further `+=` and `-=` add up, as in a file. Throws a DiagnosticError that names every argument in the wrong form.
 */
export function readAssignments(raw: readonly string[]): Assignments {
  const found: Assignments = new Map();
  const wrong = raw.flatMap((text) => {
    const source: Source = { name: "command line", text, lineless: true };
    const problem = assign(found, source);
    const span = { source, start: 0, end: text.length };
    return problem === undefined
      ? []
      : [
          configError("bad-assignment", problem, {
            span,
            help: ['write section:option=value, or with "+=" or "-="'],
          }),
        ];
  });
  if (wrong.length > 0) throw new DiagnosticError(wrong);
  return found;
}

function assign(found: Assignments, source: Source): string | undefined {
  const { text } = source;
  const equals = text.indexOf("=");
  if (equals < 0) return "an assignment needs an equal sign";
  const sign = text.charAt(equals - 1);
  const operation: Operator = sign === "+" ? "+=" : sign === "-" ? "-=" : "=";
  const names = text.slice(0, operation === "=" ? equals : equals - 1).split(":");
  if (names.length > 2) return "an assignment has one colon at most before its equal sign";
  const section = names.length === 1 ? "buildout" : strip(names[0] ?? "");
  const option = strip(names.at(-1) ?? "");
  if (section === "" || option === "") return "an assignment needs a name before its equal sign";
  const start = equals + 1;
  const nameStart = names.length === 1 ? 0 : text.indexOf(":") + 1;
  const at = { source, nameStart, nameEnd: nameStart + option.length, start, end: text.length };
  const piece = new Piece(operation, strip(text.slice(start)), at);
  put(found, { section, option }, piece);
  return undefined;
}

function put(found: Assignments, to: { section: string; option: string }, piece: Piece): void {
  const { sets, amendments } = found.get(to.section) ?? { sets: new Map(), amendments: new Map() };
  found.set(to.section, { sets, amendments });
  if (piece.operation === "=") {
    sets.set(to.option, piece);
    amendments.delete(to.option);
    return;
  }
  const before = amendments.get(to.option) ?? { add: undefined, remove: undefined };
  const key = piece.operation === "+=" ? "add" : "remove";
  const earlier = before[key];
  const together = earlier ? piece.withText(`${earlier.text}\n${piece.text}`) : piece;
  amendments.set(to.option, { ...before, [key]: together });
}
