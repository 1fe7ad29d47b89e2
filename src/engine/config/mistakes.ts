import type { Diagnostic } from "../diagnostic.js";
import { replaceSecrets } from "../hidden.js";
import { MASK } from "../redact.js";
import type { Span } from "../text.js";

export function configError(kind: string, message: string, rest: Partial<Diagnostic> = {}): Diagnostic {
  return { severity: "error", code: `config/${kind}`, message, ...rest };
}

export function noHeader(span: Span, skipped: boolean): Diagnostic {
  const help = skipped
    ? "the section above is skipped because of its condition: open an unconditional section before it"
    : 'start the file with a header such as "[buildout]"';
  return configError("missing-section-header", "there is no section header above this line", {
    span,
    help: [help],
  });
}

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
const comparison = new RegExp(String.raw`^(${NAME})\s+([<>!~]=|==|[<>])\s*(.*)$`);
const colon = new RegExp(String.raw`^(${NAME})\s*:\s*(.*)$`);

function advice(text: string): string {
  if (text.startsWith("["))
    return "a section name holds no blank and none of # [ ] : ; { }; only a comment may follow the bracket";
  const compared = comparison.exec(text);
  if (compared)
    return `write "${compared[1]} = ${compared[2]}${compared[3]}" to give ${compared[1]} this value`;
  const separated = colon.exec(text);
  if (separated)
    return `":" does not separate a name from its value: write "${separated[1]} = ${separated[2]}"`;
  if (/^\S+\s+\S.*=/.test(text))
    return "a name holds no blank; indent the line if it belongs to the value above it";
  return "indent the line if it belongs to the value above it";
}
