import { suggest } from "../suggest.js";
import { python } from "./marker.js";
import { type Platform, pythonOnly, texts, truths } from "./platform.js";
import { ConditionError, type Token } from "./token.js";

// A small expression language: what a condition may say that is not an environment marker. Nothing is ever run.

export type Environment = Readonly<Record<string, string | undefined>>;

interface Variables {
  readonly environment: Environment;
}
type Answer = boolean | string | number | Variables;

/** What is known when the expression is evaluated. */
export interface Facts {
  readonly platform: Platform;
  readonly environment: Environment;
}

/** Reads and evaluates a condition; throws a ConditionError. `and` and `or` stop as soon as they are decided. */
export function evaluateExpression(tokens: readonly Token[], facts: Facts): boolean {
  const parser = new Parser(tokens, facts);
  const answer = parser.either(true);
  parser.finish();
  return truth(answer);
}

function truth(answer: Answer): boolean {
  return typeof answer === "object" ? true : Boolean(answer);
}

/** Evaluates while it reads; where an answer is already decided it goes on reading with `live` false. */
class Parser {
  readonly tokens: readonly Token[];
  readonly facts: Facts;
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[], facts: Facts) {
    this.tokens = tokens;
    this.facts = facts;
  }

  finish(): void {
    if (this.next.kind !== "end") throw this.unexpected();
  }

  either(live: boolean): Answer {
    let answer = this.both(live);
    while (this.take("or")) {
      const other = this.both(live && !truth(answer));
      if (!truth(answer)) answer = other;
    }
    return answer;
  }

  private both(live: boolean): Answer {
    let answer = this.negation(live);
    while (this.take("and")) {
      const other = this.negation(live && truth(answer));
      if (truth(answer)) answer = other;
    }
    return answer;
  }

  private negation(live: boolean): Answer {
    let flips = 0;
    while (this.take("not")) flips++;
    const answer = this.comparison(live);
    return flips === 0 ? answer : truth(answer) === (flips % 2 === 0);
  }

  /** Comparisons chain: `1 < a < 3` asks for both. */
  private comparison(live: boolean): Answer {
    let left = this.primary(live);
    let answer: boolean | undefined;
    for (let operator = this.operator(); operator; operator = this.operator()) {
      const right = this.primary(live && answer !== false);
      if (live && answer !== false) answer = compare(operator, left, right);
      left = right;
    }
    return answer ?? left;
  }

  private operator(): Token | undefined {
    const token = this.next;
    if (token.kind === "operator" && /^([=!<>]=|[<>])$/.test(token.text)) return this.advance();
    if (token.kind === "name" && token.text === "in") return this.advance();
    if (token.kind !== "name" || token.text !== "not" || this.tokens[this.at + 1]?.text !== "in")
      return undefined;
    this.at += 2;
    return { ...token, text: "not in" };
  }

  private primary(live: boolean): Answer {
    const token = this.advance();
    if (token.kind === "string") return token.text;
    if (token.kind === "number") return Number(token.text);
    if (token.kind === "name" && !keywords.has(token.text)) return this.name(token, live);
    if (token.kind !== "operator" || token.text !== "(") throw this.unexpected(token);
    if (++this.depth > 200) throw new ConditionError("the condition nests too deeply", token.start);
    const answer = this.either(live);
    if (!this.take(")"))
      throw this.next.kind === "end"
        ? new ConditionError('the condition has a "(" that is never closed', token.start)
        : this.unexpected();
    this.depth--;
    return answer;
  }

  private name(token: Token, live: boolean): Answer {
    const variable = this.environment(token);
    if (variable !== undefined) return variable;
    return live ? this.lookUp(token) : false;
  }

  /** `env.NAME`, `env["NAME"]`, and the same with os.environ; a variable that is not set is the empty text. */
  private environment(token: Token): Answer | undefined {
    const { environment } = this.facts;
    const base = ["env", "os.environ"].find(
      (name) => token.text === name || token.text.startsWith(`${name}.`),
    );
    if (base === undefined) return undefined;
    if (token.text === `${base}.get` && this.next.text === "(") return environment[this.key("(", ")")] ?? "";
    if (token.text !== base) return environment[token.text.slice(base.length + 1)] ?? "";
    if (this.next.text === "[") return environment[this.key("[", "]")] ?? "";
    return { environment };
  }

  private key(open: string, close: string): string {
    this.take(open);
    const name = this.advance();
    if (name.kind !== "string") throw this.unexpected(name);
    if (!this.take(close)) throw this.unexpected();
    return name.text;
  }

  private lookUp(token: Token): Answer {
    const { platform } = this.facts;
    const known = truths(platform);
    const answer = known.get(token.text) ?? texts(platform).get(token.text);
    if (answer !== undefined) return answer;
    if (pythonOnly.test(token.text)) throw python(token);
    if (Object.hasOwn(platform, token.text))
      throw new ConditionError(`"${token.text}" is compared in an environment marker only`, token.start, [
        'a condition is either comparisons such as sys_platform == "linux", joined by "and" and "or", or names such as linux; the two do not mix',
      ]);
    const near = suggest(token.text, [...known.keys(), ...texts(platform).keys()]);
    const help = near ? [`did you mean "${near}"?`] : [];
    throw new ConditionError(`the condition asks for "${token.text}", which is not known`, token.start, help);
  }

  private unexpected(token = this.next): ConditionError {
    const what =
      token.kind === "end"
        ? "the condition ends too early"
        : `the condition has "${token.text}" in the wrong place`;
    return new ConditionError(what, token.start);
  }

  private take(text: string): boolean {
    if (this.next.kind === "string" || this.next.text !== text) return false;
    this.at++;
    return true;
  }

  private advance(): Token {
    const token = this.next;
    if (token.kind !== "end") this.at++;
    return token;
  }

  private get next(): Token {
    return this.tokens[this.at] ?? { kind: "end", text: "", raw: "", start: 0 };
  }
}

const keywords = new Set(["and", "or", "not", "in"]);

function compare(operator: Token, left: Answer, right: Answer): boolean {
  if (operator.text === "in" || operator.text === "not in")
    return contains(operator, left, right) === (operator.text === "in");
  if (operator.text === "==") return equal(left, right);
  if (operator.text === "!=") return !equal(left, right);
  const comparable =
    (typeof left === "string" && typeof right === "string") || (isNumeric(left) && isNumeric(right));
  if (!comparable)
    throw new ConditionError(`"${operator.text}" compares two texts or two numbers`, operator.start);
  if (operator.text === "<") return left < right;
  if (operator.text === "<=") return left <= right;
  return operator.text === ">" ? left > right : left >= right;
}

function isNumeric(answer: Answer): boolean {
  return typeof answer === "number" || typeof answer === "boolean";
}

function equal(left: Answer, right: Answer): boolean {
  return isNumeric(left) && isNumeric(right) ? Number(left) === Number(right) : left === right;
}

function contains(operator: Token, left: Answer, right: Answer): boolean {
  if (typeof left === "string" && typeof right === "string") return right.includes(left);
  if (typeof left === "string" && typeof right === "object") return right.environment[left] !== undefined;
  throw new ConditionError(
    `"${operator.text}" looks for a text in a text, or for a name in env`,
    operator.start,
  );
}
