/// <reference lib="dom" />
import type { RunData, RunPart } from "../data.js";
import type { Place } from "../layout.js";

/* The page's own program, split into functions that are put into the page as their source text (see page.ts):
   they may refer to each other and to the browser, and to nothing else; no constants of a module. */

/** A run with its drawing, as it is embedded in the page. */
export interface ShownRun extends RunData {
  readonly places: Readonly<Record<string, Place>>;
  readonly critical: readonly string[];
}

export function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

export function make(
  tag: string,
  attributes: Record<string, string>,
  ...children: (Node | string)[]
): HTMLElement {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function draw(
  tag: string,
  attributes: Record<string, string | number>,
  ...children: (Node | string)[]
): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

export function seconds(milliseconds: number): string {
  return milliseconds < 100 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

export function took(part: RunPart): string {
  return part.start === undefined || part.end === undefined ? "" : seconds(part.end - part.start);
}

/** `#run=ID&part=NAME&line=N` is the whole state of the page, so that every view can be linked to. */
export function link(run: ShownRun, part: string, line?: number): string {
  const place = line === undefined ? "" : `&line=${line}`;
  return `#run=${encodeURIComponent(run.id)}&part=${encodeURIComponent(part)}${place}`;
}

export function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
