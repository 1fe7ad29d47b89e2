import type { Diagnostic } from "./diagnostic.js";

const QUOTED = /^(["']).*\1$/s;
export const LEAVE_OUT = "quotes are a part of the value: leave them out";

/** A value in quotes, as YAML and shells have them, is told by them where it is what is wrong. */
export function withoutQuotes(diagnostic: Diagnostic): Diagnostic {
  const { span, message, help = [] } = diagnostic;
  if (!span || help.includes(LEAVE_OUT)) return diagnostic;
  const text = span.source.text.slice(span.start, span.end).trim();
  return QUOTED.test(text) && message.includes(text)
    ? { ...diagnostic, help: [...help, LEAVE_OUT] }
    : diagnostic;
}
