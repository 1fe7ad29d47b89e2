import { fit, formatBytes, formatSeconds, pad } from "./width.js";

interface Bar {
  readonly current: number;
  readonly total: number;
  readonly unit: "bytes" | "items" | undefined;
}

/** What a running part was last heard to do. */
export class Activity {
  readonly part: string;
  readonly started: number;
  #step: string;
  #unit: "bytes" | "items" | undefined;
  readonly #bars = new Map<string, Bar>();

  /** @param now milliseconds of a clock that does not go back */
  constructor(part: string, action: string, now: number) {
    this.part = part;
    this.#step = action;
    this.started = now;
  }

  progress(
    step: string,
    bar: { id?: string; current?: number; total?: number; unit?: "bytes" | "items" },
  ): void {
    // A command of several lines may be a step; here it has one.
    const line = step.replace(/\s+/g, " ");
    if (line !== this.#step && bar.id === undefined) this.#bars.clear();
    this.#step = line;
    if (bar.current === undefined) return;
    this.#unit = bar.unit;
    this.#bars.set(bar.id ?? "", { current: bar.current, total: bar.total ?? 0, unit: bar.unit });
  }

  /** One line: name, bar or bytes where there are any, step, time. */
  line(now: number, columns: number, nameWidth: number): string {
    const time = formatSeconds((now - this.started) / 1000);
    const amount = this.#amount(columns);
    const head = `${pad(fit(this.part, nameWidth), nameWidth)}  `;
    const tail = `  ${amount === "" ? "" : `${amount}  `}${time}`;
    const room = columns - 1 - nameWidth - 2 - tail.length;
    return fit(head + pad(fit(this.#step, Math.max(0, room)), Math.max(0, room)) + tail, columns - 1);
  }

  #amount(columns: number): string {
    // Steps and the bytes of one of them are not added up: what was heard last is shown.
    const bars = [...this.#bars.values()].filter(({ unit }) => unit === this.#unit);
    if (bars.length === 0) return "";
    let current = 0;
    let total = 0;
    // Layers of one pull count together; one whose size is not known yet counts with what it has.
    for (const bar of bars) {
      current += bar.current;
      total += Math.max(bar.total, bar.current);
    }
    const known = bars.every((bar) => bar.total > 0);
    const show = (n: number): string => (this.#unit === "bytes" ? formatBytes(n) : String(n));
    if (!known || total === 0) return show(current);
    const width = columns < 60 ? 0 : columns < 100 ? 12 : 24;
    const filled = Math.round((current / total) * width);
    const bar = width === 0 ? "" : `[${"=".repeat(filled)}${" ".repeat(width - filled)}] `;
    return `${bar}${show(current)}/${show(total)}`;
  }
}
