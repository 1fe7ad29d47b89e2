/// <reference lib="dom" />
import { byId, make, type ShownRun } from "./dom.js";
import { showGraph, showTimes } from "./graph.js";
import { goToPart, showHead, showList, showPart } from "./panel.js";

/** The part that the address names; else the first that failed, which is what people open the page for. */
export function askedPart(run: ShownRun): { name: string | null; line: number | undefined; asked: boolean } {
  const state = new URLSearchParams(location.hash.slice(1));
  const asked = state.get("part");
  const line = state.get("line");
  const failed = run.parts.find((part) => part.result === "failed");
  return {
    name: asked ?? failed?.name ?? null,
    line: Number(line) || undefined,
    asked: asked !== null,
  };
}

/** Shows a run anew under the eyes of somebody who reads it: what is scrolled, searched and focused stays so. */
export function refresh(show: () => void): void {
  const boxes = ["#graph", "#times", "#parts", "pre.log"].map((name): [string, Element | null] => [
    name,
    document.querySelector(name),
  ]);
  const tops = boxes.map(([name, box]): [string, number, number, boolean] => {
    const { scrollTop = 0, scrollLeft = 0, scrollHeight = 0, clientHeight = 0 } = box ?? {};
    return [name, scrollTop, scrollLeft, name === "pre.log" && scrollTop + clientHeight >= scrollHeight - 4];
  });
  const href = document.activeElement?.getAttribute("href");
  const search = document.querySelector<HTMLInputElement>("#part input");
  const searching = search !== null && search === document.activeElement;
  show();
  const fresh = document.querySelector<HTMLInputElement>("#part input");
  if (search && fresh && search.value !== "") {
    fresh.value = search.value;
    fresh.dispatchEvent(new Event("input"));
  }
  if (searching) fresh?.focus({ preventScroll: true });
  if (href) document.querySelector<HTMLElement>(`a[href="${href}"]`)?.focus({ preventScroll: true });
  // Who looks at the end of a log goes on looking at its end.
  for (const [name, top, left, atEnd] of tops)
    document.querySelector(name)?.scrollTo(left, atEnd ? 1e9 : top);
}

/** Shows what the address asks for, and again whenever it changes. */
export function start(): void {
  let runs = JSON.parse(byId("data").textContent ?? "[]") as ShownRun[];
  let run = runs[0]!;
  const select = byId("run") as HTMLSelectElement;

  function showRun(atOnce: number): void {
    select.value = run.id;
    for (const show of [showHead, showGraph, showTimes]) show(run);
    showList(run, atOnce);
  }

  function follow(): void {
    const wanted = new URLSearchParams(location.hash.slice(1)).get("run");
    const next = runs.find((candidate) => candidate.id === wanted) ?? run;
    const changed = next !== run;
    run = next;
    const { name, line, asked } = askedPart(run);
    showPart(run, name, line);
    if (changed) showRun(500);
    if (asked) goToPart();
  }

  function list(): void {
    select.replaceChildren(
      ...runs.map(({ id, command }) => make("option", { value: id }, `${id} · ${command}`)),
    );
    byId("runs").hidden = runs.length < 2;
  }

  function take(fresh: ShownRun[]): void {
    runs = fresh;
    run = runs.find((candidate) => candidate.id === run.id) ?? runs[0]!;
    list();
    refresh(() => {
      const { name, line } = askedPart(run);
      showPart(run, name, line);
      showRun(Math.max(500, byId("parts").childElementCount));
    });
  }

  select.addEventListener("change", () => (location.hash = `run=${encodeURIComponent(select.value)}`));
  byId("filter").addEventListener("input", () => showList(run));
  addEventListener("hashchange", follow);
  list();
  const wanted = new URLSearchParams(location.hash.slice(1)).get("run");
  run = runs.find((candidate) => candidate.id === wanted) ?? run;
  showRun(500);
  follow();
  const live = document.body.dataset["live"];
  if (live === undefined) return;
  // While a run goes on, the server says when there is more; the whole of it is small enough to fetch again.
  new EventSource(live).addEventListener("message", () => {
    void fetch(`${location.pathname}?data`)
      .then((answer) => answer.json() as Promise<ShownRun[]>)
      .then(take);
  });
}
