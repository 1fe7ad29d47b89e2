import { isSecretName } from "../../index.js";
import { asText, asTexts, type Yaml } from "./yaml.js";

export interface Stages {
  readonly [name: string]: { readonly [key: string]: Yaml };
}

/** What dockercise did with every stage, and a buildout file says of those that want it. */
export interface Habits {
  /** Uses no stage and no code: what it brings comes from outside, and nothing here shows that it has changed. */
  readonly always: ReadonlySet<string>;
  /** Prints what other stages use as a key or a password. */
  readonly secret: ReadonlySet<string>;
  /** Calls `aws` with the keys of `~/.aws`. */
  readonly aws: ReadonlySet<string>;
}

export function habitsOf(stages: Stages): Habits {
  const names = Object.keys(stages);
  const picked = (wants: (name: string) => boolean): ReadonlySet<string> => new Set(names.filter(wants));
  return {
    always: picked((name) => stages[name]!["img"] !== undefined && usedBy(name, stages).length === 0),
    secret: secretsOf(stages),
    aws: picked((name) => callsAws(stages[name]!)),
  };
}

/** What a stage takes from others, or from the folder: where that is as it was, so is what the stage does. */
function usedBy(name: string, stages: Stages): string[] {
  const stage = stages[name]!;
  const mounted = asTexts(stage["vol"]).map((text) => text.split(":")[0]!);
  const named = ["after", "on", "env"].flatMap((key) => asTexts(stage[key]));
  return [...mounted, ...named].filter((used) => used === "code" || (used !== name && used in stages));
}

/** Those whose name says so, of which another stage takes what they print; and where they have it from. */
function secretsOf(stages: Stages): ReadonlySet<string> {
  const all = Object.values(stages);
  const taken = (name: string): boolean =>
    all.some((stage) => asTexts(stage["env"]).includes(name) || reads(stage, name));
  const secret = new Set(Object.keys(stages).filter((name) => isSecretName(name) && taken(name)));
  // A set hands out what is added to it while it is gone through: sources of sources are found as well.
  for (const name of secret)
    for (const source of Object.keys(stages)) if (reads(stages[name]!, source)) secret.add(source);
  return secret;
}

/** Whether a stage's script reads what another one printed, from `out/<stage>`. */
function reads(stage: Stages[string], name: string): boolean {
  const script = asText(stage["run"]) ?? "";
  return [...script.matchAll(/\bout\/([^\s"'|;&<>()]+)/g)].some(([, path]) => path === name);
}

function callsAws(stage: Stages[string]): boolean {
  const given = asTexts(stage["env"]).some((name) => name.toLowerCase() === "aws_access_key_id");
  return !given && /(^|[\s;&|(`])aws\s/m.test(asText(stage["run"]) ?? "");
}
