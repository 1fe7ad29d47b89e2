import { readdirSync } from "node:fs";
import { Bench } from "./harness.js";
import { renderTable, type Row } from "./table.js";

/** Each other file of this folder measures one room: it exports `rows(bench)`. */
type Measure = (bench: Bench) => Promise<Row[]>;

const HARNESS = new Set(["main.js", "harness.js", "runner.js", "table.js"]);

function names(): string[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".js") && !HARNESS.has(file))
    .map((file) => file.slice(0, -".js".length))
    .sort();
}

async function main(wanted: readonly string[]): Promise<void> {
  const unknown = wanted.filter((name) => !names().includes(name));
  if (unknown.length > 0) throw new Error(`no bench ${unknown.join(", ")}; there are: ${names().join(", ")}`);
  const bench = await Bench.open();
  const rows: Row[] = [];
  try {
    for (const name of wanted.length > 0 ? wanted : names()) {
      process.stderr.write(`measuring ${name}\n`);
      const { rows: measure } = (await import(`./${name}.js`)) as { rows: Measure };
      rows.push(...(await measure(bench)));
    }
  } finally {
    bench.close();
  }
  process.stdout.write(`${renderTable(rows)}\n`);
}

// As the command line does: the AWS SDK would speak into the table of what its future releases need.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
