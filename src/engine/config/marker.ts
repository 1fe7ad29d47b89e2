import { type Platform, pythonOnly } from "./platform.js";
import { ConditionError, type Token } from "./token.js";

// Environment markers: comparisons of a variable with a string, joined by `and` and `or`. A condition that is not a
// marker from end to end is an expression.

interface Comparison {
  readonly left: Token;
  readonly operator: string;
  readonly right: Token;
}

type Node = Comparison | { readonly join: "and" | "or"; readonly of: readonly Node[] };

const variables: Readonly<Record<string, keyof Platform>> = {
  os_name: "os_name",
  "os.name": "os_name",
  sys_platform: "sys_platform",
  "sys.platform": "sys_platform",
  platform_system: "platform_system",
  platform_machine: "platform_machine",
  "platform.machine": "platform_machine",
  platform_release: "platform_release",
  platform_version: "platform_version",
  "platform.version": "platform_version",
};

const pythonVariables =
  /^(python_version|python_full_version|(platform[._])?python_implementation|implementation_(name|version)|extras?|dependency_groups)$/;

const operators = new Set(["===", "==", "~=", "!=", "<=", ">=", "<", ">"]);

/** Whether the marker holds; undefined where the condition is no marker. Throws a ConditionError where it cannot be told. */
export function evaluateMarker(tokens: readonly Token[], platform: Platform): boolean | undefined {
  const reader = new Reader(tokens);
  const node = reader.any();
  if (!node || !reader.atEnd()) return undefined;
  return holds(node, platform);
}

/** Reads a marker, or gives undefined at the first thing that no marker has. */
class Reader {
  readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  atEnd(): boolean {
    return this.peek()?.kind === "end";
  }

  any(): Node | undefined {
    return this.joined("or", () => this.joined("and", () => this.atom()));
  }

  private joined(join: "and" | "or", next: () => Node | undefined): Node | undefined {
    const of: Node[] = [];
    do {
      const node = next();
      if (!node) return undefined;
      of.push(node);
    } while (this.take("name", join));
    const [only] = of;
    return of.length === 1 ? only : { join, of };
  }

  private atom(): Node | undefined {
    if (this.take("operator", "(")) {
      // Deeper than anybody writes: the expression's reader says so.
      const node = ++this.depth > 200 ? undefined : this.any();
      this.depth--;
      return node && this.take("operator", ")") ? node : undefined;
    }
    const left = this.operand();
    const operator = left && this.operator();
    const right = operator && this.operand();
    if (!right || (left.kind === "string" && right.kind === "string")) return undefined;
    return { left, operator, right };
  }

  private operand(): Token | undefined {
    const token = this.peek();
    if (!token) return undefined;
    const fits =
      token.kind === "string" ||
      (token.kind === "name" && (Object.hasOwn(variables, token.text) || pythonVariables.test(token.text)));
    if (!fits) return undefined;
    this.at++;
    return token;
  }

  private operator(): string | undefined {
    const token = this.peek();
    if (token?.kind === "operator" && operators.has(token.text)) {
      this.at++;
      return token.text;
    }
    if (this.take("name", "in")) return "in";
    if (this.take("name", "not")) return this.take("name", "in") ? "not in" : undefined;
    return undefined;
  }

  private take(kind: Token["kind"], text: string): boolean {
    const token = this.peek();
    if (token?.kind !== kind || token.text !== text) return false;
    this.at++;
    return true;
  }

  private peek(): Token | undefined {
    return this.tokens[this.at];
  }
}

function holds(node: Node, platform: Platform): boolean {
  if (!("join" in node)) return compare(node, platform);
  // Every comparison is evaluated: a variable that is unknown here is a mistake wherever it stands.
  const answers = node.of.map((part) => holds(part, platform));
  return node.join === "and" ? answers.every(Boolean) : answers.some(Boolean);
}

function compare({ left, operator, right }: Comparison, platform: Platform): boolean {
  const a = valueOf(left, platform);
  const b = valueOf(right, platform);
  if (operator === "in") return b.includes(a);
  if (operator === "not in") return !b.includes(a);
  const order = versionOrder(a, b) ?? (a < b ? -1 : a > b ? 1 : 0);
  switch (operator) {
    case "==":
    case "===":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    default:
      throw new ConditionError(`"${operator}" compares versions of Python packages only`, left.start);
  }
}

function valueOf(token: Token, platform: Platform): string {
  if (token.kind === "string") return token.raw;
  const key = variables[token.text];
  if (key === undefined || pythonOnly.test(token.text)) throw python(token);
  return String(platform[key]);
}

/** Versions compare by their numbers (`5.10` is newer than `5.9`); other texts give undefined. */
function versionOrder(a: string, b: string): number | undefined {
  const version = /^v?\d+(\.\d+)*$/;
  if (!version.test(a) || !version.test(b)) return undefined;
  const x = a.replace("v", "").split(".").map(Number);
  const y = b.replace("v", "").split(".").map(Number);
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The complaint about a name that only a Python program can answer. */
export function python(token: Token): ConditionError {
  return new ConditionError(
    `"${token.text}" speaks of Python, which has no part in this program`,
    token.start,
    ["ask for the platform instead, for example with sys_platform or platform_machine"],
  );
}
