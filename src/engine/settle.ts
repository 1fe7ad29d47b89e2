import { outputsHelp } from "./configure-needs.js";
import type { Diagnostic } from "./diagnostic.js";
import { factsOf } from "./facts.js";
import { fillHoles, type Hole, hasHole, holesOf } from "./hole.js";
import { isComputed } from "./outside.js";
import { addNeed, type Part, type Text } from "./part.js";
import { canonical } from "./section.js";

type Parts = ReadonlyMap<string, Part>;

/** What is known of values before anything is installed: what is written, and what a `configure` has computed. */
export class KnownTexts {
  readonly #parts: Parts;
  readonly #failed: ReadonlySet<string>;

  /** @param failed the names of parts with mistakes */
  constructor(parts: Parts, failed: ReadonlySet<string>) {
    this.#parts = parts;
    this.#failed = failed;
  }

  /** Nobody knows what a recipe that cannot be loaded would tell. */
  isBeyondKnowing({ section }: Hole): boolean {
    return !this.#parts.has(section) && this.#failed.has(section);
  }

  /** The text with all holes filled whose values are known. */
  fill(text: string): string {
    return fillHoles(text, (hole) => this.#known(hole, new Set()));
  }

  #known(hole: Hole, asked: Set<string>): string | undefined {
    const key = `${hole.section}\n${hole.option}`;
    const part = this.#parts.get(hole.section);
    if (!part || asked.has(key)) return undefined;
    const name = hole.option;
    const produced = factsOf(part.loaded.recipe).shadowing.has(name);
    const text =
      part.computed.get(name) ?? (produced ? undefined : part.texts.get(canonical(part.loaded, name)));
    if (!text) return undefined;
    return fillHoles(text.text, (inner) => this.#known(inner, new Set(asked).add(key)));
  }
}

/** Makes parts need those that provide what they use. */
export function needProviders(parts: Parts): void {
  const providers = new Map<string, Part[]>();
  for (const part of parts.values())
    for (const key of part.provides) {
      const known = providers.get(key);
      if (known) known.push(part);
      else providers.set(key, [part]);
    }
  for (const part of parts.values()) {
    for (const { key, why, place = part.place } of part.uses) {
      const those = providers.get(key) ?? [];
      // One engine may be named in two ways: where none is in that place by name, another is taken for it.
      const provider = those.findLast((one) => one.place === place) ?? those.at(-1);
      if (!provider) continue;
      // What it uses may stand in no option (a Dockerfile's FROM): a circle is shown at the part.
      const span = part.span("recipe");
      addNeed(part, { part: provider.name, why, firm: true, evenIfFailed: false, ...(span && { span }) });
    }
  }
}

/**
 * Fills in a part what can be filled once all parts are configured; what stays open makes it need those that will tell.
 * @returns a mistake for each value that nobody will tell
 */
export function settle(part: Part, parts: Parts, known: KnownTexts): Diagnostic[] {
  const open = [...fillIn(part.texts as Map<string, Text>, known), ...fillIn(part.computed, known)];
  return open.flatMap(([option, hole]) =>
    known.isBeyondKnowing(hole) ? [] : needOutput(part, option, { hole, provider: parts.get(hole.section) }),
  );
}

/** @returns by option what stays open */
function fillIn<T extends Text>(texts: Map<string, T>, known: KnownTexts): [string, Hole][] {
  const open: [string, Hole][] = [];
  for (const [option, value] of texts) {
    if (!hasHole(value.text)) continue;
    const text = known.fill(value.text);
    texts.set(option, { ...value, text });
    for (const hole of holesOf(text)) open.push([option, hole]);
  }
  return open;
}

interface Told {
  readonly hole: Hole;
  readonly provider: Part | undefined;
}

function needOutput(part: Part, option: string, { hole, provider }: Told): Diagnostic[] {
  const span = part.span(option);
  if (provider && (provider.outputs.has(hole.option) || isComputed(provider.loaded, hole.option))) {
    const why = `option ${option}`;
    addNeed(part, { part: hole.section, why, ...(span && { span }), firm: true, evenIfFailed: false });
    return [];
  }
  return [
    {
      severity: "error",
      code: "config/missing-option",
      message: `[${hole.section}] has no option "${hole.option}"`,
      part: part.name,
      ...(span && { span }),
      ...(provider && { help: outputsHelp(provider) }),
    },
  ];
}
