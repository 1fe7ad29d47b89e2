import type { Diagnostic } from "../diagnostic.js";
import type { Span } from "../text.js";
import { type Environment, evaluateExpression } from "./expression.js";
import { evaluateMarker } from "./marker.js";
import { configError } from "./mistakes.js";
import { type Platform, thisPlatform } from "./platform.js";
import type { Decide } from "./scan.js";
import { ConditionError, tokenize } from "./token.js";

/** Evaluates section conditions for one run: an environment marker first, otherwise an expression. */
export function conditions(environment: Environment, platform?: Platform): Decide {
  let facts: Platform | undefined = platform;
  return (condition, span) => {
    facts ??= thisPlatform();
    try {
      // `#` and `;` would end the header, so they are written as escapes; both are four characters for one.
      const tokens = tokenize(condition.replaceAll("\\x23", "#").replaceAll("\\x3b", ";"));
      return evaluateMarker(tokens, facts) ?? evaluateExpression(tokens, { platform: facts, environment });
    } catch (error) {
      if (error instanceof ConditionError) return complaint(error, condition, span);
      throw error;
    }
  };
}

function complaint(error: ConditionError, condition: string, span: Span): Diagnostic {
  const exact = !condition.includes("\\x");
  const start = span.start + (exact ? Math.min(error.start, condition.length) : 0);
  const at = { source: span.source, start, end: span.end };
  return configError("bad-condition", error.message, { span: at, help: error.help });
}
