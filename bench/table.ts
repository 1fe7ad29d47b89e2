/** One line of the table of figures. */
export interface Row {
  readonly work: string;
  /** What is measured: seconds, bytes, or a plain count. */
  readonly unit: "s" | "B" | "";
  readonly ours: number;
  /** What it is measured against, in the same run: a peer's program, or bare node. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** What a bare node takes that asks the engine the one question which the work comes down to: no program for node takes less. */
  readonly floor?: number;
  /** The highest ratio (with a peer) or value (without) that is good enough. */
  readonly atMost?: number;
}

/** The rows as an aligned table; a last column marks those that miss their aim. */
export function renderTable(rows: readonly Row[]): string {
  const cells = [["work", "ours", "peer", "ratio", "bare node", "at most", ""], ...rows.map(cellsOf)];
  const widths = cells[0]?.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return cells.map((row) => line(row).trimEnd()).join("\n");
}

function cellsOf(row: Row): string[] {
  const ratio = row.peer && row.ours / row.peer.value;
  const limit = row.atMost === undefined ? "" : row.peer ? row.atMost.toFixed(2) : show(row.atMost, row.unit);
  const missed = row.atMost !== undefined && (ratio ?? row.ours) > row.atMost;
  return [
    row.work,
    show(row.ours, row.unit),
    row.peer ? `${row.peer.name} ${show(row.peer.value, row.unit)}` : "",
    ratio === undefined ? "" : ratio.toFixed(2),
    row.peer && row.floor !== undefined ? (row.floor / row.peer.value).toFixed(2) : "",
    limit,
    missed ? "MISSED" : "",
  ];
}

function show(value: number, unit: Row["unit"]): string {
  if (unit === "B") return `${(value / 2 ** 20).toFixed(1)} MiB`;
  if (unit === "") return String(value);
  return value < 1 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(2)} s`;
}

/** The middle value: one slow run among five says nothing of the program. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
