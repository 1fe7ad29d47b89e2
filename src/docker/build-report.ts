import { StringDecoder } from "node:string_decoder";
import type { Dockerfile, Instruction } from "./dockerfile.js";
import { instructionOf, startOf } from "./build-step.js";
import { DockerError } from "./errors.js";
import type { Trace, Vertex, VertexStatus } from "./buildkit-trace.js";

/** Who listens to a build, a pull or a push. */
export interface Listener {
  log(line: string, stream?: "out" | "err" | "note"): void;
  progress(progress: {
    readonly id?: string;
    readonly step: string;
    readonly current?: number;
    readonly total?: number;
    readonly unit?: "bytes" | "items";
  }): void;
}

/** Lines of a step that are kept for the message of its failure. */
const KEPT = 20;

/** Steps of the builder's own, of which nobody who wrote the Dockerfile knows. */
const HIDDEN = /^(\[internal\]|copy \/context \/|local:\/\/|upload-request|resolving provenance)/;

/** A cache that cannot be had costs time, and fails no build. */
const IMPORT = /^importing cache manifest from /;

/** The builder fetches what reads the Dockerfile, where a directive of it says so. */
const SYNTAX = /^resolve image config for /;
const NO_SYNTAX =
  "the Dockerfile's line `# syntax` asks for that image: leave it away, or let the engine reach the registry";

/** Of the engine's disk: the image may be there all right. */
const NO_SPACE = /no space left on device/;

/** The engine has no such image, for this platform: it has looked for it in the registry. */
const NO_BASE =
  "is it in a registry that the engine reaches? What another section builds is built before only where that section is in parts, or named after =>";

const RED = "\u001B[91m";
const PLAIN = "\u001B[0m";
/** Remarks of the classic builder, and of podman's, between the lines of a step. */
const REMARK = /^ ---> |^--> |^Removing intermediate container /;
/** How they announce a step: `Step 2/4 : RUN make`, `STEP 2/4: RUN make`, `[1/2] STEP 2/4: RUN make`. */
const ANNOUNCED = /^(?:Step \d+\/\d+ : |(?:\[\d+\/\d+\] )?STEP \d+\/\d+: )[^\n]*/;

interface Step {
  name: string;
  started: boolean;
  completed: boolean;
  error: string;
  /** Of the output, what has no line end yet. */
  open: string;
  last: string[];
  readonly decoder: StringDecoder;
}

/** Turns what a builder says into log lines and progress, and remembers what a failure needs. */
export class BuildReport {
  readonly #listener: Listener;
  readonly #steps = new Map<string, Step>();
  /** The step whose output was printed last; another one's output gets a heading first. */
  #speaking = "";

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Takes a piece of BuildKit's trace. */
  trace(trace: Trace): void {
    for (const vertex of trace.vertexes) this.#begin(vertex);
    for (const status of trace.statuses) this.#status(status);
    for (const log of trace.logs) this.#output(log.vertex, log.data, log.stream);
    for (const { short, line } of trace.warnings) {
      // BuildKit's checks say the line themselves; what they give beside it may be another step's of the same warning.
      const place = line && !/ \(line \d+\)$/.test(short) ? ` (line ${line})` : "";
      this.#listener.log(`warning: ${short}${place}`, "note");
    }
    // Last: what a step wrote may come with the word that it has ended.
    for (const vertex of trace.vertexes) this.#end(vertex);
  }

  /** Takes a piece of the classic builder's output, or of podman's: they announce their steps in the text. */
  classic(text: string): void {
    const step = ANNOUNCED.exec(text)?.[0];
    if (step) {
      const previous = this.#steps.get(this.#speaking);
      if (previous) previous.completed = true;
      this.#speaking = step;
      this.#step(step).started = true;
      this.#heading(step);
      return;
    }
    if (text === "\n") return;
    // It paints what a step writes on its standard error.
    const plain = text.replaceAll(RED, "").replaceAll(PLAIN, "").replace(/^\n+/, "");
    this.#output(this.#speaking, Buffer.from(plain), text.startsWith(RED) ? "err" : "out");
  }

  /** Takes the classic builder's word of a layer that it pulls. */
  pulling(
    layer: string,
    status: string,
    detail?: { readonly current?: number; readonly total?: number },
  ): void {
    const counted = detail?.current !== undefined;
    this.#listener.progress({
      ...(layer ? { id: layer } : {}),
      step: layer ? `${status} ${layer}` : status,
      ...(counted ? { current: detail.current ?? 0, unit: "bytes" as const } : {}),
      ...(counted && detail.total ? { total: detail.total } : {}),
    });
  }

  /** Whether any step is known: what was refused before is not the Dockerfile's fault. */
  get begun(): boolean {
    return this.#steps.size > 0;
  }

  /** The image that the build was to start from, where it failed because that is not to be had. @param cause of the failure */
  missingBase(cause: unknown): string | undefined {
    const failed = this.#failed();
    return failed && !NO_SPACE.test(failed.error || reasonOf(cause)) ? startOf(failed.name) : undefined;
  }

  /** The failure of a build, with the step that failed, its last lines and its place in the Dockerfile. */
  failure(cause: unknown, dockerfile: { readonly name: string; readonly content: Dockerfile }): DockerError {
    const reason = reasonOf(cause);
    const failed = this.#failed();
    const instruction = failed && instructionOf(dockerfile.content, failed.name);
    // A step that the classic builder adds, for a label, says nothing to who wrote the Dockerfile.
    const step = instruction || !failed?.name.startsWith("Step ") ? failed : undefined;
    const place = step ? instruction : misread(dockerfile.content, reason);
    const notes = place ? [`${dockerfile.name}:${place.line}: ${oneLine(place.keyword, place.rest)}`] : [];
    if (!step) {
      const help = cause instanceof DockerError ? (cause.problem.help ?? []) : [];
      return new DockerError(
        { code: "build/failed", message: `the build failed: ${withoutPrefix(reason)}`, notes, help },
        { cause },
      );
    }
    const last = [...step.last, ...(step.open ? [step.open] : [])].slice(-KEPT);
    return new DockerError(
      {
        code: "build/failed",
        message: `the build failed at ${shortened(step.name)}: ${withoutCommand(withoutPrefix(step.error || reason))}`,
        ...(SYNTAX.test(step.name) && dockerfile.content.syntax && { help: [NO_SYNTAX] }),
        ...(this.missingBase(cause) !== undefined && { help: [NO_BASE] }),
        notes: [
          ...notes,
          ...(last.length > 0 ? [`its last lines:\n${last.map((line) => `  ${line}`).join("\n")}`] : []),
        ],
      },
      { cause },
    );
  }

  #failed(): Step | undefined {
    const steps = [...this.#steps.values()];
    // Steps that were only stopped because another one failed say that they were canceled.
    const failed = steps.filter(({ name, error }) => error !== "" && !IMPORT.test(name));
    return (
      failed.find(({ error }) => !/context canceled|code = Canceled/.test(error)) ??
      failed[0] ??
      (ANNOUNCED.test(this.#speaking) ? this.#steps.get(this.#speaking) : undefined)
    );
  }

  #step(id: string): Step {
    let step = this.#steps.get(id);
    if (!step) {
      step = {
        name: id,
        started: false,
        completed: false,
        error: "",
        open: "",
        last: [],
        decoder: new StringDecoder("utf8"),
      };
      this.#steps.set(id, step);
    }
    return step;
  }

  #begin(vertex: Vertex): void {
    const known = this.#steps.has(vertex.digest);
    const step = this.#step(vertex.digest);
    step.name = vertex.name;
    if (vertex.error) step.error = vertex.error;
    const starts = vertex.started && !step.started;
    if (starts) {
      step.started = true;
      if (!vertex.cached && !HIDDEN.test(step.name)) this.#announce(vertex.digest, step);
    }
    if (starts || !known) this.#count(vertex.digest, step);
  }

  /** How far the Dockerfile is, and which of its steps runs; the builder's own steps have a name only. */
  #count(id: string, step: Step): void {
    if (HIDDEN.test(step.name)) {
      if (step.started && !step.completed) this.#listener.progress({ id, step: step.name });
      return;
    }
    const steps = [...this.#steps.values()].filter(({ name }) => !HIDDEN.test(name));
    const running = steps.findLast(({ started, completed }) => started && !completed) ?? step;
    const current = step.completed ? 1 : 0;
    this.#listener.progress({ id, step: running.name, current, total: 1, unit: "items" });
  }

  #end(vertex: Vertex): void {
    const step = this.#step(vertex.digest);
    if (!vertex.completed || step.completed) return;
    step.completed = true;
    this.#flush(step);
    if (step.error && IMPORT.test(step.name)) this.#listener.log(`not taken: ${step.error}`, "note");
    if (vertex.cached && !HIDDEN.test(step.name)) this.#listener.log(`${step.name}: cached`, "note");
    this.#count(vertex.digest, step);
  }

  #status(status: VertexStatus): void {
    const step = this.#steps.get(status.vertex);
    const id = `${status.vertex} ${status.id}`;
    const label = status.name || status.id;
    this.#listener.progress({
      id,
      step: step && label ? `${step.name}: ${shortLabel(label)}` : (step?.name ?? label),
      current: status.completed && status.total > 0 ? status.total : status.current,
      ...(status.total > 0 ? { total: status.total } : {}),
      unit: "bytes",
    });
  }

  #output(id: string, data: Uint8Array, stream: "out" | "err"): void {
    const step = this.#step(id);
    if (this.#speaking !== id) this.#announce(id, step);
    const text = step.open + step.decoder.write(Buffer.from(data));
    const lines = text.split("\n");
    step.open = lines.pop() ?? "";
    for (const line of lines) this.#line(step, line, stream);
  }

  #flush(step: Step): void {
    if (step.open) this.#line(step, step.open, "out");
    step.open = "";
  }

  #line(step: Step, text: string, stream: "out" | "err"): void {
    // A bar that a program draws over itself: its last state is the line.
    const line = text.replace(/\r$/, "").split("\r").at(-1) ?? "";
    if (!REMARK.test(line)) step.last.push(line);
    if (step.last.length > KEPT) step.last.shift();
    this.#listener.log(line, stream);
  }

  #announce(id: string, step: Step): void {
    this.#speaking = id;
    this.#heading(step.name);
  }

  #heading(name: string): void {
    if (!name) return;
    this.#listener.log(name, "note");
    this.#listener.progress({ id: name, step: name });
  }
}

/** BuildKit says through which of its own rooms a failure came. */
function withoutPrefix(reason: string): string {
  const prefix =
    /^(?:rpc error: code = \w+ desc = |failed to solve(?: with frontend [\w.-]+)?: |failed to create LLB definition: )+/;
  return reason.replace(prefix, "");
}

function shortLabel(label: string): string {
  return label.replace(/sha256:([0-9a-f]{12})[0-9a-f]*/g, "$1");
}

/** The command that failed stands in the step's name already. */
function withoutCommand(reason: string): string {
  const exit = /(?:exit code:|returned a non-zero code:|while running runtime: exit status) (\d+)/.exec(
    reason,
  );
  return exit ? `exit code ${exit[1]}` : reason.replace(BUILDAH, "$1").replace(INNER, "").trim();
}

/** Podman's words for a step that it names first, and whose inner form may follow. */
const BUILDAH = /^building at STEP "[^]*?": ([^]*?)(?: &imagebuilder\.Step\{[^]*)?$/;

/** Where BuildKit was when it did not find what is to be copied. */
const INNER = /^(?:failed to compute cache key: )?(?:failed to calculate checksum of ref \S+: )?/;

function oneLine(keyword: string, rest: string): string {
  return shortened(`${keyword} ${rest}`.replace(/\s+/g, " "));
}

function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

/** The instruction on the line that a builder could not read. */
function misread({ instructions }: Dockerfile, reason: string): Instruction | undefined {
  const line = Number(/parse error (?:on )?line (\d+)/.exec(reason)?.[1]);
  return instructions.findLast((one) => one.line <= line);
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
