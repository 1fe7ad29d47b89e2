/// <reference lib="dom" />
import { ansiHtml } from "../ansi.js";
import type { RunPart } from "../data.js";
import { byId, link, make, seconds, type ShownRun, took } from "./dom.js";

export function showHead(run: ShownRun): void {
  const counts = new Map<string, number>();
  for (const part of run.parts) counts.set(part.result, (counts.get(part.result) ?? 0) + 1);
  const chips = [...counts].map(([result, n]) => make("li", { class: `chip ${result}` }, `${n} ${result}`));
  byId("chips").replaceChildren(...chips);
  const length = run.milliseconds === undefined ? "running" : seconds(run.milliseconds);
  const started = run.started.replace("T", " ").replace(/\..*/, "");
  byId("meta").textContent = `${run.command} · ${started} UTC · ${length}`;
  const failed = run.parts.some((part) => part.result === "failed");
  document.title = `${failed ? "✗ " : ""}${run.buildout} · run ${run.id}`;
}

/** The parts that the filter takes in; of many the first at once, and the rest piece by piece, while the page is
 *  already there to be used. */
export function showList(run: ShownRun, atOnce = 500): void {
  const wanted = (byId("filter") as HTMLInputElement).value.toLowerCase();
  const parts = run.parts.filter((part) =>
    `${part.name} ${part.result} ${part.recipe}`.toLowerCase().includes(wanted),
  );
  const list = byId("parts");
  // The mark tells the pieces of this list from those of one that a later letter in the filter has made.
  const mark = make("li", { hidden: "" });
  list.replaceChildren(mark);
  const more = (from: number): void => {
    if (mark.parentNode !== list) return;
    const shown = list.dataset["shown"];
    const next = from === 0 ? atOnce : from + 500;
    mark.before(...parts.slice(from, next).map((part) => listEntry(run, part, shown)));
    if (next < parts.length) setTimeout(() => more(next));
  };
  more(0);
}

export function listEntry(run: ShownRun, part: RunPart, shown: string | undefined): HTMLElement {
  const result = make("span", { class: part.result }, `${part.result} ${took(part)}`);
  const current: Record<string, string> = part.name === shown ? { "aria-current": "true" } : {};
  const attributes = { href: link(run, part.name), "data-part": part.name, ...current };
  return make("li", {}, make("a", attributes, part.name, result));
}

/** One line of a log, with its number as a link to it. */
export function logLine(run: ShownRun, part: RunPart, index: number, wanted: string): HTMLElement {
  const [time, stream, text] = part.log[index]!;
  const number = make(
    "a",
    { href: link(run, part.name, index + 1), title: seconds(time) },
    String(index + 1),
  );
  const body = make("span", {});
  body.innerHTML = ansiHtml(text);
  if (wanted !== "") body.replaceChildren(make("mark", {}, body.textContent ?? ""));
  return make("div", { class: stream, "data-line": String(index + 1) }, number, body);
}

/** Fills in at most 20,000 lines: a log of a million must not freeze the page, and the end is what people look
 *  for, or the line that the address names. */
export function fillLog(
  log: HTMLElement,
  run: ShownRun,
  part: RunPart,
  at: number | undefined,
  wanted: string,
): void {
  const hit = (index: number): boolean => wanted === "" || part.log[index]![2].toLowerCase().includes(wanted);
  const rows = part.log.map((_, index) => index).filter(hit);
  const around = at === undefined || wanted !== "" ? rows.length - 20000 : at - 10000;
  const from = Math.max(0, Math.min(around, rows.length - 20000));
  log.replaceChildren(...rows.slice(from, from + 20000).map((index) => logLine(run, part, index, wanted)));
  log.querySelector(`[data-line="${at}"]`)?.classList.add("at");
}

export function logOf(run: ShownRun, part: RunPart, at: number | undefined): HTMLElement[] {
  if (part.log.length === 0) return [make("p", { class: "meta" }, "It printed nothing.")];
  const log = make("pre", { class: "log", tabindex: "0", "aria-label": `log of ${part.name}` });
  const search = make("input", {
    type: "search",
    placeholder: "search the log",
    "aria-label": "search the log",
  });
  const fill = (): void => fillLog(log, run, part, at, (search as HTMLInputElement).value.toLowerCase());
  search.addEventListener("input", fill);
  fill();
  return [make("div", { class: "tools" }, search), log];
}

/** Marks in the list which part is shown, also for entries that are still to come. */
export function markShown(name: string): void {
  byId("parts").dataset["shown"] = name;
  for (const entry of document.querySelectorAll("#parts a"))
    if (entry.getAttribute("data-part") === name) entry.setAttribute("aria-current", "true");
    else entry.removeAttribute("aria-current");
}

/** @param at the line of the log that is to be seen, from 1 */
export function showPart(run: ShownRun, name: string | null, at: number | undefined): void {
  markShown(name ?? "");
  const part = run.parts.find((candidate) => candidate.name === name);
  if (!part) {
    const hint = "Choose a part to see what was done, why, and its log.";
    byId("part").replaceChildren(make("p", { class: "meta" }, hint));
    return;
  }
  const did = [part.action || "nothing to do", part.result, took(part)]
    .filter((word) => word !== "")
    .join(" · ");
  const needs = part.needs.map((need) =>
    make("li", {}, make("a", { href: link(run, need.part) }, need.part), ` ${need.why}`),
  );
  byId("part").replaceChildren(
    make("h2", { id: "part-name", tabindex: "-1" }, part.name),
    make(
      "p",
      {},
      make("span", { class: part.result }, did),
      make("span", { class: "meta" }, ` · ${part.recipe}`),
    ),
    make("ul", { "aria-label": "why" }, ...part.reasons.map((reason) => make("li", {}, reason))),
    ...(part.error === undefined ? [] : [make("div", { class: "error", role: "alert" }, part.error)]),
    ...(needs.length === 0
      ? []
      : [make("details", {}, make("summary", {}, `needs ${needs.length}`), make("ul", {}, ...needs))]),
    ...logOf(run, part, at),
  );
}

/** Takes whoever has just chosen a part, or a line of its log, there. */
export function goToPart(): void {
  const line = document.querySelector("pre.log .at");
  if (line) line.scrollIntoView({ block: "center" });
  else document.getElementById("part-name")?.focus();
}
