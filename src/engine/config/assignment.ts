import { DiagnosticError } from "../diagnostic.js";
import type { Source } from "../text.js";
import { configError } from "./mistakes.js";
import type { Operator } from "./model.js";
import { argumentPiece, type Change } from "./scan.js";
import { strip } from "./space.js";

/** What the command line says about options, section by section. */
export type Assignments = Map<string, Map<string, Change>>;

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
  const options = found.get(section) ?? new Map<string, Change>();
  found.set(section, options);
  const start = equals + 1;
  const nameStart = names.length === 1 ? 0 : text.indexOf(":") + 1;
  const piece = argumentPiece(operation, source, [nameStart, nameStart + option.length, start, text.length]);
  options.set(option, together(options.get(option), operation, piece));
  return undefined;
}

function together(
  before: Change | undefined,
  operation: Operator,
  piece: ReturnType<typeof argumentPiece>,
): Change {
  const none = { set: undefined, add: undefined, remove: undefined };
  if (operation === "=") return { ...none, set: piece };
  const key = operation === "+=" ? "add" : "remove";
  const earlier = before?.[key];
  const text = earlier ? `${earlier.text}\n${piece.text}` : piece.text;
  return { ...none, ...before, [key]: piece.withText(text) };
}
