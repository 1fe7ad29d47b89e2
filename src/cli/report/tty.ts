import type { Event } from "../../index.js";
import { Activity } from "./activity.js";
import type { Palette } from "./colors.js";
import { Errors } from "./errors.js";
import { LiveRegion, type Terminal } from "./live.js";
import { PartLogs } from "./part-logs.js";
import { endLine, pickedLines, summaryLines } from "./summary.js";
import type { Teller } from "./teller.js";
import { fit, terminalLine } from "./width.js";

export interface TtySettings {
  readonly terminal: Terminal;
  readonly palette: Palette;
  /** Log lines of running parts scroll by as well. */
  readonly verbose: boolean;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** Calls back after some milliseconds, without keeping the process alive; returns how to call it off. */
  readonly later: (milliseconds: number, call: () => void) => () => void;
}

/** At most ten redraws a second. */
const REDRAW = 100;

/** Shows a run on a terminal: a line a running part, with step, bytes and time; what has ended scrolls above. */
export function ttyReporter(settings: TtySettings): Teller {
  const screen = new Screen(settings);
  return {
    report: (event) => screen.take(event),
    note: (line) => screen.note(line),
    abandon: () => screen.abandon(),
  };
}

class Screen {
  readonly #settings: TtySettings;
  readonly #live: LiveRegion;
  readonly #running = new Map<string, Activity>();
  readonly #logs = new PartLogs();
  readonly #errors = new Errors();
  #above: string[] = [];
  #callOff: (() => void) | undefined;
  #lastDraw = Number.NEGATIVE_INFINITY;

  constructor(settings: TtySettings) {
    this.#settings = settings;
    this.#live = new LiveRegion(settings.terminal);
  }

  take(event: Event): void {
    switch (event.type) {
      case "part-started":
        this.#running.set(event.part, new Activity(event.part, event.action, this.#settings.now()));
        break;
      case "part-progress":
        this.#running.get(event.part)?.progress(event.step, event);
        break;
      case "part-log":
        this.#logs.add(event.part, event.line);
        if (this.#settings.verbose || event.stream === "note")
          this.#above.push(`${this.#settings.palette.dim(`${event.part} |`)} ${terminalLine(event.line)}`);
        break;
      case "part-ended":
        this.#ended(event);
        break;
      case "versions-picked":
        this.#above.push(...pickedLines(event));
        break;
      case "diagnostic":
        this.#diagnostic(event);
        break;
      case "run-ended":
        this.#finish(event);
        return;
      default:
        return;
    }
    this.#schedule();
  }

  note(line: string): void {
    this.#above.push(line);
    this.#schedule();
  }

  #ended(event: Extract<Event, { type: "part-ended" }>): void {
    this.#running.delete(event.part);
    const line = endLine(event, this.#settings.palette);
    if (line !== undefined) this.#above.push(line);
    if (event.end !== "failed") this.#logs.drop(event.part);
  }

  /** Warnings are shown as they come; errors last, where the eye is when the run has ended. */
  #diagnostic(event: Extract<Event, { type: "diagnostic" }>): void {
    if (event.diagnostic.severity === "warning") this.#above.push(event.text);
    else this.#errors.add(event.diagnostic, event.text);
  }

  #finish(event: Extract<Event, { type: "run-ended" }>): void {
    this.#end(this.#failedLogs(event), summaryLines(event.summary, this.#settings.palette));
  }

  /** The run has been cut off: what is known so far stays on the screen. */
  abandon(): void {
    this.#end([], []);
  }

  #end(logs: readonly string[], summary: readonly string[]): void {
    this.#callOff?.();
    this.#live.draw([...this.#above, ...logs], []);
    this.#live.end();
    this.#settings.terminal.write([...summary, ...this.#errors.texts()].map((line) => `${line}\n`).join(""));
  }

  #failedLogs(event: Extract<Event, { type: "run-ended" }>): string[] {
    const failed = event.summary.parts.filter((part) => part.end === "failed");
    return failed.flatMap(({ part }) => {
      const log = this.#logs.of(part).map(terminalLine);
      return log.length === 0 ? [] : ["", this.#settings.palette.bold(`log of ${part}:`), ...log];
    });
  }

  #schedule(): void {
    if (this.#callOff) return;
    const wait = Math.max(0, this.#lastDraw + REDRAW - this.#settings.now());
    this.#callOff = this.#settings.later(wait, () => this.#redraw());
  }

  #redraw(): void {
    this.#callOff = undefined;
    this.#lastDraw = this.#settings.now();
    const above = this.#above;
    this.#above = [];
    this.#live.draw(above, this.#lines());
    // The clock of running parts goes on when nothing else happens.
    if (this.#running.size > 0) this.#callOff = this.#settings.later(1000, () => this.#redraw());
  }

  #lines(): string[] {
    const { columns, rows } = this.#settings.terminal;
    const activities = [...this.#running.values()];
    const nameWidth = Math.min(
      Math.floor(columns / 3),
      activities.reduce((most, { part }) => Math.max(most, part.length), 0),
    );
    const room = Math.max(1, rows - 2);
    const shown = activities.slice(0, activities.length > room ? room - 1 : room);
    const lines = shown.map((activity) => activity.line(this.#settings.now(), columns, nameWidth));
    const more = activities.length - shown.length;
    return more > 0 ? [...lines, fit(`… and ${more} more`, columns - 1)] : lines;
  }
}
