import { bugMessage, bugText } from "./bug.js";
import { EXIT, type Io } from "./command.js";
import { type Outputs, SHOW_CURSOR } from "./output.js";

/** Errors of a stream nobody looks at any more: its reader has left, as `head` does, or its terminal was closed. */
const LEFT: ReadonlySet<string | undefined> = new Set(["EPIPE", "EIO"]);

/** The codes with which the program itself cuts a run off. */
const CUT_OFF: ReadonlySet<number> = new Set([EXIT.interrupted, EXIT.internal]);

const UNFINISHED = "the run ended before it was done: a recipe ended it, or waits for what never comes";

/**
 * The ends of a process that the program itself has no part in: signals, streams that take no more, and recipes that
 * throw where nobody catches, end the process, or wait for what never comes.
 */
export class Ending {
  readonly #interrupt = new AbortController();
  /** What a recipe throws where nobody catches it may have a secret in it. */
  readonly hush: NonNullable<Io["hush"]> = { text: (text) => text };
  readonly underWay: NonNullable<Io["underWay"]> = new Set();
  #unwritten = false;
  #code: number | undefined;
  #flush = (): void => undefined;

  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /**
   * How the program ended; until then the process has no business to end well. Only for what is still to be written it goes
   * on: a connection that a recipe forgot is nothing to wait for, and to take its heap apart costs Node milliseconds.
   */
  done(code: number): void {
    this.#code = code;
    process.exitCode = code;
    this.#flush();
    // Of what could not be written just now there is no event before the process ends.
    for (const stream of [process.stdout, process.stderr])
      if (stream.errored) this.#unwritable(stream, stream.errored);
    if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  }

  watch({ out, err, flush }: Outputs, json: boolean): void {
    this.#flush = flush;
    // The first Ctrl-C lets what is going on end tidily, the second one ends the process at once.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        if (this.signal.aborted) process.exit(EXIT.interrupted);
        this.#interrupt.abort();
      });
    for (const stream of [process.stdout, process.stderr])
      stream.on("error", (error: NodeJS.ErrnoException) => this.#unwritable(stream, error));
    const tell = (said: string, text: string): void => {
      err.write(this.hush.text(text));
      const message = this.hush.text(said);
      if (json) out.write(`${JSON.stringify({ error: { code: "internal", message, notes: [] } })}\n`);
    };
    process.on("uncaughtException", (error: unknown) => {
      tell(bugMessage(error) + this.#when(), bugText(error, this.#when()));
      process.exit(EXIT.internal);
    });
    process.on("exit", (code) => {
      if (this.#code === undefined && !CUT_OFF.has(code)) {
        const said = UNFINISHED + this.#when();
        tell(said, `internal error: ${said}\n`);
        process.exitCode = EXIT.internal;
      }
      flush();
      // What the live lines have hidden: they had no chance to end.
      if (this.#code === undefined && process.stdout.isTTY && process.env["TERM"] !== "dumb")
        out.write(SHOW_CURSOR);
      if (this.#unwritten && this.#code === EXIT.done) process.exitCode = EXIT.failed;
    });
  }

  #when(): string {
    return this.underWay.size === 0 ? "" : ` (under way: ${[...this.underWay].join(", ")})`;
  }

  /** Nothing is cut off for it: where nobody listens the run ends tidily, and a full disk under a log does not stop it. */
  #unwritable(stream: NodeJS.WriteStream, { code, message }: NodeJS.ErrnoException): void {
    if (LEFT.has(code)) this.#interrupt.abort();
    else if (!this.#unwritten) {
      this.#unwritten = true;
      if (stream === process.stdout) process.stderr.write(`cannot write standard output: ${message}\n`);
    }
  }
}
