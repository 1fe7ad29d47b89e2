import type { Output } from "./command.js";

/** A stream of the process, as far as it is written to. */
export type Stream = Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns" | "rows">;

export interface Outputs {
  readonly out: Output;
  readonly err: Output;
  /** Writes what is still gathered. To be called before the process ends. */
  readonly flush: () => void;
}

/** Brings the cursor of a terminal back. */
export const SHOW_CURSOR = "\x1b[?25h";

/** How much is gathered at most, in characters. */
const LARGEST = 64 * 1024;

/**
 * Standard output and standard error. Where nobody looks on (a pipe, a file) the lines of one turn of the event loop are
 * written at once: a stage that prints two million lines would cost two million calls of the system. Standard error is
 * never ahead of what was said before it.
 */
export function outputs(stdout: Stream, stderr: Stream): Outputs {
  let waiting = "";
  let scheduled: NodeJS.Immediate | undefined;

  function flush(): void {
    clearImmediate(scheduled);
    scheduled = undefined;
    const text = waiting;
    waiting = "";
    if (text !== "") stdout.write(text);
  }

  function gather(text: string): void {
    waiting += text;
    if (stdout.isTTY || waiting.length >= LARGEST) flush();
    else scheduled ??= setImmediate(flush);
  }

  function warn(text: string): void {
    flush();
    stderr.write(text);
  }

  async function drained(): Promise<void> {
    flush();
    await new Promise<void>((resolve) => stdout.write("", () => resolve()));
  }

  return { out: Object.assign(output(stdout, gather), { drained }), err: output(stderr, warn), flush };
}

/**
 * Hands a stream over to the program: what others print on it by themselves, a recipe or one of its libraries, goes where
 * `elsewhere` writes it. Standard output may be JSON, or the one value that was asked for.
 * @returns the stream as it was
 */
export function kept(stream: NodeJS.WriteStream, elsewhere: NodeJS.WriteStream["write"]): Stream {
  const own = Object.create(stream, { write: { value: stream.write.bind(stream) } }) as Stream;
  stream.write = elsewhere;
  return own;
}

function output(stream: Stream, write: (text: string) => void): Output {
  return {
    write,
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
  };
}
