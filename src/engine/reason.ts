import { openly } from "./hidden.js";
import { isHashed } from "./state.js";
import { MASK } from "./redact.js";

/** Why something is done with a part: data, so that plan and apply, text and tests see the same. */
export type Reason =
  | { readonly kind: "new" }
  | { readonly kind: "gone" }
  | { readonly kind: "asked" }
  | { readonly kind: "interrupted"; readonly what: "install" | "update" | "uninstall" }
  | { readonly kind: "recipe"; readonly from: string; readonly to: string }
  | { readonly kind: "version"; readonly from: string; readonly to: string }
  | {
      readonly kind: "option" | "input";
      readonly name: string;
      readonly from: string | undefined;
      readonly to: string | undefined;
      readonly secret?: boolean;
    }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "drift"; readonly message: string; readonly drift: "missing" | "stopped" | "changed" }
  | {
      readonly kind: "need";
      readonly part: string;
      readonly how: "reinstalled" | "perhaps reinstalled" | "uninstalled";
    }
  | { readonly kind: "output"; readonly name: string; readonly reader: string }
  | { readonly kind: "always" }
  | { readonly kind: "later"; readonly what: string; readonly of: readonly string[] };

const LONGEST = 60;

export function renderReason(reason: Reason): string {
  switch (reason.kind) {
    case "new":
      return "not installed yet";
    case "gone":
      return "no longer in the configuration";
    case "asked":
      return "asked for";
    case "interrupted":
      return `the last ${reason.what} was interrupted or failed`;
    case "recipe":
      return `recipe: ${reason.from} -> ${reason.to}`;
    case "version":
      return `recipe version ${reason.from} -> ${reason.to}`;
    case "option":
      return `option ${reason.name}: ${change(reason.from, reason.to, reason.secret ?? false)}`;
    case "input":
      return `input ${reason.name} ${inputChange(reason.from, reason.to)}`;
    case "file":
      return `${reason.path} is gone`;
    case "drift":
      return reason.message;
    case "need":
      return `needs ${reason.part}, which is ${reason.how}`;
    case "output":
      return `${reason.reader} needs its secret output ${reason.name}, which is not recorded`;
    case "always":
      return "its recipe updates at every run";
    default:
      return `${reason.what}: known after ${reason.of.join(", ")}`;
  }
}

/** What a part reads follows from its options: what it reads no more need not be gone from where it is. */
function inputChange(from: string | undefined, to: string | undefined): string {
  if (to === undefined) return "is no longer read";
  return from === undefined ? "is newly read" : "changed";
}

function change(from: string | undefined, to: string | undefined, secret: boolean): string {
  const masked = secret || [from, to].some((text) => text !== undefined && isHashed(text));
  const lines = !masked && [from, to].some((text) => text?.includes("\n"));
  if (lines) return lineChange(from, to);
  const texts = [from, to].map((text) =>
    text === undefined ? "(not set)" : masked ? MASK : openly(text.trim()),
  );
  const [old, now] = excerpts(texts[0]!, texts[1]!);
  return `${old} -> ${now}`;
}

/** Of long values only the lines that differ. */
function lineChange(from: string | undefined, to: string | undefined): string {
  const [old, now] = [from?.split("\n") ?? [], to?.split("\n") ?? []];
  const [oldSet, nowSet] = [new Set(old), new Set(now)];
  const gone = old.filter((line) => !nowSet.has(line)).map((line) => openly(line.trim()));
  const come = now.filter((line) => !oldSet.has(line)).map((line) => openly(line.trim()));
  const [one, other] = gone.length === 1 && come.length === 1 ? excerpts(gone[0]!, come[0]!) : [];
  const pieces = [
    ...gone.map((line) => `-${one ?? excerpt(line)}`),
    ...come.map((line) => `+${other ?? excerpt(line)}`),
  ];
  if (pieces.length === 0) return "lines in another order or number";
  return pieces.slice(0, 4).join(" ") + (pieces.length > 4 ? ` and ${pieces.length - 4} more` : "");
}

/** Two long texts from shortly before where they differ. */
function excerpts(one: string, other: string): readonly [string, string] {
  const shorter = Math.min(one.length, other.length);
  let same = 0;
  while (same < shorter && one[same] === other[same]) same++;
  const isLong = Math.max(one.length, other.length) > LONGEST && one !== other;
  const from = isLong ? Math.max(0, same - LONGEST / 3) : 0;
  return [excerpt(one, from), excerpt(other, from)];
}

function excerpt(text: string, from = 0): string {
  if (text === "") return '""';
  const [before, after] = [from > 0 ? "…" : "", text.length > from + LONGEST ? "…" : ""];
  return `${before}${text.slice(from, from + LONGEST)}${after}`;
}
