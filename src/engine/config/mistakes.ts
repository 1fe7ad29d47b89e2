import type { Diagnostic } from "../diagnostic.js";
import { replaceSecrets } from "../hidden.js";
import { MASK } from "../redact.js";
import type { Span } from "../text.js";
import type { Value } from "./model.js";
import { words } from "./space.js";

export function configError(kind: string, message: string, rest: Partial<Diagnostic> = {}): Diagnostic {
  return { severity: "error", code: `config/${kind}`, message, ...rest };
}

export function noHeader(span: Span, skipped: boolean): Diagnostic {
  const skippedAbove =
    "the section above is skipped because of its condition: open an unconditional section before it";
  return configError("missing-section-header", "there is no section header above this line", {
    span,
    help: [skipped ? skippedAbove : firstLine(span.source.text.slice(span.start, span.end))],
  });
}

function firstLine(text: string): string {
  if (text.startsWith("[")) return HEADER;
  if (/^(---|[^\s=:][^=:]*:(\s|$))/.test(text)) return YAML;
  return 'start the file with a header such as "[buildout]"';
}

const YAML =
  "this looks like YAML: tsbuildout init --from compose, dockercise or ecr-docker-ci makes a buildout file of what those read";

export interface BadLine {
  readonly indented: boolean;
  /** The section whose header stands above with no option yet. */
  readonly emptySection?: string;
}

/** A line that is neither header, option, continuation, comment nor blank, with the likeliest reason. */
export function badLine(span: Span, { indented, emptySection }: BadLine): Diagnostic {
  const text = span.source.text.slice(span.start, Math.min(span.end, span.start + 400));
  if (indented && emptySection !== undefined)
    return configError(
      "parse-error",
      `an indented line continues an option, and [${emptySection}] has none yet`,
      {
        span,
        help: ["start the line in the first column"],
      },
    );
  return configError(
    "parse-error",
    "this line is neither a header, an option nor the continuation of a value",
    {
      span,
      help: [advice(replaceSecrets(text, () => MASK))],
    },
  );
}

const NAME = String.raw`[^\s{}[\]=:]+`;
const HEADER =
  "a section name holds no blank and none of # [ ] : ; { }; only a comment may follow the bracket";
const CONTINUES = "indent the line if it belongs to the value above it";

/** What is likely to be wrong with a line, and what to do; the first that fits counts. */
const advices: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
  [/^\[/, () => HEADER],
  [
    /^[\uFEFF\u200B\u2060]/,
    () => "the line begins with a character that cannot be seen: delete and write it again",
  ],
  [/^(<{7}|={7}|>{7})( |$)/, () => "a merge has left this line: keep one of the two versions"],
  [
    new RegExp(String.raw`^(${NAME})\s+([<>!~]=|==|[<>])\s*(.*)$`),
    (name, sign, rest) => `write "${name} = ${sign}${rest}" to give ${name} this value`,
  ],
  [
    new RegExp(String.raw`^(${NAME})\s*:=?\s*(.*)$`),
    (name, rest) => `":" does not separate a name from its value: write "${name} = ${rest}"`,
  ],
  [/^\S+\s+\S.*=/, () => `a name holds no blank; ${CONTINUES}`],
];

function advice(text: string): string {
  for (const [pattern, help] of advices) {
    const match = pattern.exec(text);
    if (match) return help(...match.slice(1));
  }
  return CONTINUES;
}

/** Of parts that were to be taken from the list and stay, as `-=` takes whole lines and they share one with others. */
export function notRemoved(parts: Value | undefined): Diagnostic[] {
  if (parts?.history.at(-1)?.operation !== "-=") return [];
  const steps = parts.history.slice(parts.history.findLastIndex(({ operation }) => operation !== "-=") + 1);
  const left = words(parts.text).map(({ text }) => text);
  return steps.flatMap(({ text, span }): Diagnostic[] => {
    const names = words(text).flatMap((word) => (left.includes(word.text) ? [word.text] : []));
    if (names.length === 0) return [];
    const message = `"-=" takes whole lines, and ${names.join(", ")} shares one with other parts: nothing is taken away`;
    const help = ["write each of the parts on a line of its own, indented"];
    return [{ severity: "warning", code: "config/not-removed", message, span, help }];
  });
}
