import { ansiHtml } from "./ansi.js";
import { escapeHtml } from "./escape.js";
import * as dom from "./client/dom.js";
import * as graph from "./client/graph.js";
import * as panel from "./client/panel.js";
import * as client from "./client/start.js";
import type { RunData } from "./data.js";
import { criticalPath, placeParts } from "./layout.js";
import { STYLE } from "./style.js";

/** The runs as the page's program takes them: with the drawing and the critical path worked out. */
export function showable(runs: readonly RunData[]): readonly dom.ShownRun[] {
  return runs.map((run) => ({
    ...run,
    places: Object.fromEntries(placeParts(run.parts)),
    critical: criticalPath(run.parts),
  }));
}

/** One HTML file that needs nothing else: no network, no fonts, no scripts from elsewhere. The first run is the one
 *  shown; `live` is the address of a server-sent event stream that says when there is more to show. */
export function renderPage(runs: readonly RunData[], live?: string): string {
  // A `<` in a log must not end the element that holds the data.
  const data = JSON.stringify(showable(runs)).replaceAll("<", "\\u003c");
  const title = escapeHtml(`${runs[0]?.buildout ?? "tsbuildout"} · run ${runs[0]?.id ?? ""}`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'">
<title>${title}</title>
<style>${STYLE}</style>
<body${live === undefined ? "" : ` data-live="${escapeHtml(live)}"`}>
<header>
<h1>${escapeHtml(runs[0]?.buildout ?? "tsbuildout")}</h1>
<p class="meta" id="meta"></p>
<ul class="chips" id="chips" aria-label="results"></ul>
<p id="runs"><label>Run <select id="run"></select></label></p>
</header>
<main>
<h2>Graph</h2>
<div class="scroll" id="graph" tabindex="0"></div>
<h2>Time line</h2>
<p class="meta" id="critical"></p>
<div class="scroll" id="times" tabindex="0"></div>
<h2>Parts</h2>
<div class="columns">
<nav aria-label="parts"><p class="tools"><input id="filter" type="search" placeholder="filter by name, result or recipe" aria-label="filter the parts"></p><ul class="parts" id="parts"></ul></nav>
<section id="part" aria-live="polite"></section>
</div>
</main>
<script type="application/json" id="data">${data}</script>
<script>${program()}</script>
</body>
</html>
`;
}

/** The page's program: the source texts of the functions in client/, which refer to nothing but each other. */
function program(): string {
  const functions = [
    ansiHtml,
    ...Object.values(dom),
    ...Object.values(graph),
    ...Object.values(panel),
    ...Object.values(client),
  ];
  return `${functions.map((each) => each.toString()).join("\n")}\n${client.start.name}();`;
}
