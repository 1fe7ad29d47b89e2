import { SHOW_CURSOR } from "../output.js";
import { displayWidth } from "./width.js";

/** The terminal as far as a live region needs it. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
}

const HIDE_CURSOR = "\x1b[?25l";

/** Lines at the bottom of the terminal that are drawn again in place, and lines that scroll away above them. */
export class LiveRegion {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];
  #hidden = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Writes `above` once and for all, then `lines` in the place of the former ones: in one write, so that nothing flickers. */
  draw(above: readonly string[], lines: readonly string[]): void {
    if (above.length === 0 && lines.length === 0 && this.#drawn.length === 0) return;
    const scrolled = above.map((line) => `${line}\n`).join("");
    const hide = this.#hidden || lines.length === 0 ? "" : HIDE_CURSOR;
    this.#hidden ||= lines.length > 0;
    this.#terminal.write(`${hide}${this.#erase()}${scrolled}${lines.map((line) => `${line}\n`).join("")}`);
    this.#drawn = lines;
  }

  /** Leaves the last lines off and gives the cursor back. */
  end(): void {
    this.#terminal.write(this.#erase() + (this.#hidden ? SHOW_CURSOR : ""));
    this.#drawn = [];
    this.#hidden = false;
  }

  /** A terminal that was made narrower has wrapped what was drawn: count the rows that it takes now. */
  #erase(): string {
    const columns = Math.max(1, this.#terminal.columns);
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)),
      0,
    );
    if (rows === 0) return "";
    // The first row by itself: where the cursor is at the top, tmux would keep what is cleared in its scroll-back.
    return `\x1b[${Math.min(rows, Math.max(1, this.#terminal.rows - 1))}A\r\x1b[K\x1b[B\x1b[J\x1b[A`;
  }
}
