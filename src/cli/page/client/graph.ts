/// <reference lib="dom" />
import type { RunPart } from "../data.js";
import { byId, draw, link, seconds, type ShownRun, shorten, took } from "./dom.js";

export function node(run: ShownRun, part: RunPart, content: SVGElement[]): SVGElement {
  const label = `${part.name}: ${part.result} ${took(part)}`;
  const attributes = { href: link(run, part.name), class: part.result, "aria-label": label };
  return draw("a", attributes, draw("title", {}, label), ...content);
}

/** Sizes in pixels. Named boxes while they can be read; beyond that small squares, which the list names. */
export function sizes(run: ShownRun): {
  w: number;
  h: number;
  box: number;
  boxWidth: number;
  small: boolean;
} {
  return run.parts.length > 300
    ? { w: 14, h: 14, box: 9, boxWidth: 9, small: true }
    : { w: 190, h: 44, box: 30, boxWidth: 160, small: false };
}

/** All edges as one path: ten thousand elements would be slow. */
export function edges(run: ShownRun): string {
  const { w, h, box, boxWidth } = sizes(run);
  let path = "";
  for (const part of run.parts)
    for (const need of part.needs) {
      const from = run.places[need.part];
      const to = run.places[part.name];
      if (!from || !to) continue;
      const [x1, y1] = [from.column * w + 8 + boxWidth, from.row * h + 8 + box / 2];
      const [x2, y2] = [to.column * w + 8, to.row * h + 8 + box / 2];
      path += `M${x1} ${y1}C${x1 + 15} ${y1} ${x2 - 15} ${y2} ${x2} ${y2}`;
    }
  return path;
}

/** How wide and how high the whole drawing is. */
export function extent(run: ShownRun): { width: number; height: number } {
  const { w, h, box, boxWidth } = sizes(run);
  const places = Object.values(run.places);
  const width = places.reduce((most, place) => Math.max(most, place.column), 0) * w + boxWidth + 30;
  const height = places.reduce((most, place) => Math.max(most, place.row), 0) * h + box + 24;
  return { width, height };
}

export function showGraph(run: ShownRun): void {
  const lines = run.parts.length > 3000 ? [] : [draw("path", { d: edges(run), class: "edge" })];
  byId("graph").replaceChildren(sizes(run).small ? squares(run, lines) : boxes(run, lines));
}

export function boxes(run: ShownRun, lines: readonly SVGElement[]): SVGElement {
  const { w, h, box, boxWidth } = sizes(run);
  const critical = new Set(run.critical);
  const nodes = run.parts.map((part) => {
    const place = run.places[part.name] ?? { column: 0, row: 0 };
    const [x, y] = [place.column * w + 8, place.row * h + 8];
    const style = critical.has(part.name) ? "box critical" : "box";
    const frame = draw("rect", { x, y, width: boxWidth, height: box, rx: 5, class: style });
    return node(run, part, [frame, draw("text", { x: x + 8, y: y + 19 }, shorten(part.name, 21))]);
  });
  const attributes = { ...extent(run), role: "group", "aria-label": "graph of parts" };
  return draw("svg", attributes, ...lines, ...nodes);
}

/** One path a result, and a look-up of what is under the pointer: ten thousand links would take seconds to draw, and
 *  as many presses of a key to get past. The list of parts is the way for keyboards and screen readers. */
export function squares(run: ShownRun, lines: readonly SVGElement[]): SVGElement {
  const { w, h, box } = sizes(run);
  const paths = new Map<string, string>();
  const at = new Map<string, RunPart>();
  for (const part of run.parts) {
    const { column, row } = run.places[part.name] ?? { column: 0, row: 0 };
    const square = `M${column * w + 8} ${row * h + 8}h${box}v${box}h-${box}z`;
    paths.set(part.result, (paths.get(part.result) ?? "") + square);
    at.set(`${column} ${row}`, part);
  }
  const title = draw("title", {});
  const drawn = [...paths].map(([result, d]) =>
    draw("g", { class: result }, draw("path", { d, class: "dot" })),
  );
  const label = `graph of ${run.parts.length} parts; the list of parts has them by name`;
  const svg = draw("svg", { ...extent(run), role: "img", "aria-label": label }, title, ...lines, ...drawn);
  const under = (event: MouseEvent): RunPart | undefined => {
    const corner = svg.getBoundingClientRect();
    const column = Math.floor((event.clientX - corner.left - 8) / w);
    return at.get(`${column} ${Math.floor((event.clientY - corner.top - 8) / h)}`);
  };
  svg.addEventListener("mousemove", (event) => {
    const part = under(event);
    const text = part ? `${part.name}: ${part.result} ${took(part)}` : "";
    if (title.textContent !== text) title.textContent = text;
    svg.style.cursor = part ? "pointer" : "";
  });
  svg.addEventListener("click", (event) => {
    const part = under(event);
    if (part) location.hash = link(run, part.name);
  });
  return svg;
}

/** When each part ran, in the order of their starts; the first 500, which is what a person can look through. */
export function showTimes(run: ShownRun): void {
  const ran = run.parts.filter((part) => part.start !== undefined).sort((a, b) => a.start! - b.start!);
  const end = ran.reduce((most, part) => Math.max(most, part.end ?? 0), run.milliseconds ?? 1);
  const critical = new Set(run.critical);
  const bars = ran.slice(0, 500).map((part, row) => {
    const x = 180 + (part.start! / end) * 700;
    const width = Math.max(2, (((part.end ?? end) - part.start!) / end) * 700);
    const name = `${critical.has(part.name) ? "● " : ""}${shorten(part.name, 24)}`;
    const bar = draw("rect", { x, y: row * 20 + 4, width, height: 13, rx: 2, class: "bar" });
    return node(run, part, [draw("text", { x: 4, y: row * 20 + 15 }, name), bar]);
  });
  const attributes = { width: 900, height: bars.length * 20 + 8, role: "group", "aria-label": "time line" };
  byId("times").replaceChildren(draw("svg", attributes, ...bars));
  const length = ran
    .filter((part) => critical.has(part.name))
    .reduce((sum, part) => sum + (part.end ?? 0) - part.start!, 0);
  byId("critical").textContent =
    run.critical.length > 1 ? `Critical path (●, ${seconds(length)}): ${route(run.critical)}` : "";
}

/** The names of a path; of a long one its beginning and its end. */
export function route(names: readonly string[]): string {
  if (names.length <= 20) return names.join(" → ");
  return [...names.slice(0, 9), `… ${names.length - 18} more …`, ...names.slice(-9)].join(" → ");
}
