import { StringDecoder } from "node:string_decoder";
import type { Output } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";

/** How many of the last lines an error shows. */
const SHOWN = 20;
/** A program may write for hours without a line's end. */
const LINE_LIMIT = 16_384;

interface Pending {
  readonly decoder: StringDecoder;
  text: string;
}

/** Cuts what a process writes into lines: each goes to the part's log, and the last ones are kept for an error. */
export class LineLog {
  readonly #pending = { stdout: pending(), stderr: pending() };
  #last: readonly string[] = [];
  readonly #log: (line: string, stream: "out" | "err") => void;

  constructor(context: Pick<Context, "log">) {
    this.#log = (line, stream) => context.log(line, stream);
  }

  /** The last lines, oldest first. */
  get last(): readonly string[] {
    return this.#last;
  }

  readonly write = ({ stream, data }: Output): void => {
    const pending = this.#pending[stream];
    const lines = (pending.text + pending.decoder.write(data)).split("\n");
    pending.text = lines.pop() ?? "";
    this.#emit(lines, stream);
    if (pending.text.length > LINE_LIMIT) this.#flush(stream);
  };

  /** To be called once, at the end: a last line may lack its end. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      this.#pending[stream].text += this.#pending[stream].decoder.end();
      this.#flush(stream);
    }
  }

  #flush(stream: Output["stream"]): void {
    const { text } = this.#pending[stream];
    this.#pending[stream].text = "";
    if (text !== "") this.#emit([text], stream);
  }

  /** Programs write millions of lines: what is kept is sorted out once for all that came together. */
  #emit(lines: readonly string[], stream: Output["stream"]): void {
    const from = stream === "stdout" ? "out" : "err";
    const texts = lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
    for (const text of texts) this.#log(text, from);
    this.#last = [...this.#last, ...texts.slice(-SHOWN)].slice(-SHOWN);
  }
}

function pending(): Pending {
  return { decoder: new StringDecoder("utf8"), text: "" };
}

/** The end of what was written, within a limit of bytes. */
export class Tail {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Whether something was left out. */
  cut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  write(data: Buffer): void {
    this.#chunks.push(data);
    this.#length += data.length;
    // Twice the limit, so that bytes are not moved for every small write.
    if (this.#length > 2 * this.#limit) this.#chunks = [this.bytes()];
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.#chunks);
    if (all.length > this.#limit) this.cut = true;
    const kept = Buffer.from(all.subarray(Math.max(0, all.length - this.#limit)));
    this.#length = kept.length;
    this.#chunks = [kept];
    return kept;
  }
}
