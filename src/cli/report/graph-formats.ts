import type { GraphPart } from "../../index.js";
import { escapeHtml } from "../page/escape.js";
import { placeParts } from "../page/layout.js";

/** The parts, and below each why it comes after which. */
export function graphText(parts: readonly GraphPart[]): string {
  return parts
    .flatMap(({ part, recipe, needs }) => [
      `${part} (${recipe})`,
      ...needs.map((need) => `    after ${need.part}: ${need.why}`),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

/** The DOT language of Graphviz (https://graphviz.org/doc/info/lang.html). */
export function graphDot(parts: readonly GraphPart[]): string {
  const nodes = parts.map(({ part, recipe }) => `  ${quote(part)} [tooltip=${quote(recipe)}];`);
  const edges = parts.flatMap(({ part, needs }) =>
    needs.map((need) => `  ${quote(need.part)} -> ${quote(part)} [label=${quote(need.why)}];`),
  );
  return ["digraph buildout {", "  rankdir=LR;", ...nodes, ...edges, "}", ""].join("\n");
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Mermaid's flow charts (https://mermaid.js.org/syntax/flowchart.html). Names may hold anything, so nodes are numbered. */
export function graphMermaid(parts: readonly GraphPart[]): string {
  const ids = new Map(parts.map(({ part }, index) => [part, `p${index}`]));
  const nodes = parts.map(({ part }) => `  ${ids.get(part)}["${label(part)}"]`);
  const edges = parts.flatMap(({ part, needs }) =>
    needs.flatMap((need) =>
      ids.has(need.part) ? [`  ${ids.get(need.part)} -->|"${label(need.why)}"| ${ids.get(part)}`] : [],
    ),
  );
  return ["flowchart LR", ...nodes, ...edges, ""].join("\n");
}

function label(text: string): string {
  return text.replaceAll('"', "#quot;");
}

/** Sizes in pixels. */
const COLUMN = 240;
const ROW = 60;
const BOX = { width: 180, height: 34 };

/** A picture that needs no program: boxes in columns by the order of need; why an edge exists shows when it is pointed at. */
export function graphSvg(parts: readonly GraphPart[]): string {
  const places = placeParts(parts.map(({ part, needs }) => ({ name: part, needs })));
  const corner = (part: string): [number, number] => {
    const { column, row } = places.get(part) ?? { column: 0, row: 0 };
    return [column * COLUMN + 20, row * ROW + 20];
  };
  const edges = parts.flatMap(({ part, needs }) =>
    needs.flatMap((need) => (places.has(need.part) ? [edge(corner(need.part), corner(part), need.why)] : [])),
  );
  const boxes = parts.map(({ part, recipe }) => box(corner(part), part, recipe));
  const corners = parts.map(({ part }) => corner(part));
  const width = Math.max(0, ...corners.map(([x]) => x)) + BOX.width + 20;
  const height = Math.max(0, ...corners.map(([, y]) => y)) + BOX.height + 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="13">`,
    ...edges,
    ...boxes,
    "</svg>",
    "",
  ].join("\n");
}

function edge([x1, y1]: [number, number], [x2, y2]: [number, number], why: string): string {
  const [from, to] = [x1 + BOX.width, x2];
  const [a, b] = [y1 + BOX.height / 2, y2 + BOX.height / 2];
  const path = `M${from} ${a}C${from + 30} ${a} ${to - 30} ${b} ${to} ${b}`;
  return `<path d="${path}" fill="none" stroke="#8a94a0" stroke-width="1.5"><title>${escapeHtml(why)}</title></path>`;
}

function box([x, y]: [number, number], part: string, recipe: string): string {
  const name = part.length > 24 ? `${part.slice(0, 23)}…` : part;
  const frame = `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="#f6f8fa" stroke="#0860ca"/>`;
  const text = `<text x="${x + 10}" y="${y + 22}" fill="#1b1f24">${escapeHtml(name)}</text>`;
  return `<g><title>${escapeHtml(`${part} (${recipe})`)}</title>${frame}${text}</g>`;
}
