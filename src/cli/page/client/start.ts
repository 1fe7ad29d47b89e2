/// <reference lib="dom" />
import { byId, make, type ShownRun } from "./dom.js";
import { showGraph, showTimes } from "./graph.js";
import { showHead, showList, showPart } from "./panel.js";

/** Shows what the address asks for, and again whenever it changes. */
export function start(): void {
  let runs = JSON.parse(byId("data").textContent ?? "[]") as ShownRun[];
  let run = runs[0]!;
  let shown = false;
  const select = byId("run") as HTMLSelectElement;

  function follow(): void {
    const state = new URLSearchParams(location.hash.slice(1));
    const wanted = runs.find((candidate) => candidate.id === state.get("run")) ?? run;
    if (!shown || wanted !== run) {
      run = wanted;
      shown = true;
      select.value = run.id;
      for (const show of [showHead, showGraph, showTimes, showList]) show(run);
    }
    const line = state.get("line");
    showPart(run, state.get("part"), line === null ? undefined : Number(line));
  }

  function take(fresh: ShownRun[]): void {
    runs = fresh;
    run = runs.find((candidate) => candidate.id === run.id) ?? runs[0]!;
    shown = false;
    select.replaceChildren(
      ...runs.map(({ id, command }) => make("option", { value: id }, `${id} · ${command}`)),
    );
    byId("runs").hidden = runs.length < 2;
    follow();
  }

  select.addEventListener("change", () => (location.hash = `run=${encodeURIComponent(select.value)}`));
  byId("filter").addEventListener("input", () => showList(run));
  addEventListener("hashchange", follow);
  take(runs);
  const live = document.body.dataset["live"];
  if (live === undefined) return;
  // While a run goes on, the server says when there is more; the whole of it is small enough to fetch again.
  new EventSource(live).addEventListener("message", () => {
    void fetch(`${location.pathname}?data`)
      .then((answer) => answer.json() as Promise<ShownRun[]>)
      .then(take);
  });
}
