/** What BuildKit says of a build as it goes, from either of the two forms in which it comes. */
import { jsonObject } from "./json-object.js";
import { bytesOf, fieldsOf, numberOf, textOf, type Field } from "./protobuf.js";

/** A step of the build: an instruction, a pull, the loading of the context. */
export interface Vertex {
  readonly digest: string;
  /** `[2/3] RUN make`, `[internal] load build context`. */
  readonly name: string;
  readonly cached: boolean;
  readonly started: boolean;
  readonly completed: boolean;
  /** Empty where the step did not fail. */
  readonly error: string;
}

/** How far a step has come, or one of several things in it (a layer). */
export interface VertexStatus {
  readonly id: string;
  readonly vertex: string;
  readonly name: string;
  /** Bytes; a total of 0 is unknown. */
  readonly current: number;
  readonly total: number;
  readonly completed: boolean;
}

interface VertexLog {
  readonly vertex: string;
  readonly stream: "out" | "err";
  readonly data: Uint8Array;
}

/** A finding of the Dockerfile's linter (engine 27 and later). */
interface VertexWarning {
  readonly short: string;
  /** The first line of the Dockerfile that it is about, from 1; 0 where it says none. */
  readonly line: number;
}

export interface Trace {
  readonly vertexes: readonly Vertex[];
  readonly statuses: readonly VertexStatus[];
  readonly logs: readonly VertexLog[];
  readonly warnings: readonly VertexWarning[];
}

/** Decodes `moby.buildkit.v1.StatusResponse` (buildkit: api/services/control/control.proto), as `/build?version=2`
 *  puts it, in base64, into `aux` of a line `moby.buildkit.trace`. */
export function decodeTrace(message: Uint8Array): Trace {
  const parts = [...fieldsOf(message)];
  const each = <T>(number: number, decode: (bytes: Uint8Array) => T): T[] =>
    parts.filter((field) => field.number === number).map((field) => decode(bytesOf(field)));
  return {
    vertexes: each(1, decodeVertex),
    statuses: each(2, decodeStatus),
    logs: each(3, decodeLog),
    warnings: each(4, decodeWarning),
  };
}

/** The last field of each number; repeated fields that matter are read by hand. */
function byNumber(bytes: Uint8Array): (number: number) => Field {
  const found = new Map<number, Field>();
  for (const field of fieldsOf(bytes)) found.set(field.number, field);
  return (number) => found.get(number) ?? { number, value: 0 };
}

const isThere = (field: Field): boolean => typeof field.value !== "number";

function decodeVertex(bytes: Uint8Array): Vertex {
  const field = byNumber(bytes);
  return {
    digest: textOf(field(1)),
    name: textOf(field(3)),
    cached: numberOf(field(4)) === 1,
    started: isThere(field(5)),
    completed: isThere(field(6)),
    error: textOf(field(7)),
  };
}

function decodeStatus(bytes: Uint8Array): VertexStatus {
  const field = byNumber(bytes);
  return {
    id: textOf(field(1)),
    vertex: textOf(field(2)),
    name: textOf(field(3)),
    current: numberOf(field(4)),
    total: numberOf(field(5)),
    completed: isThere(field(8)),
  };
}

function decodeLog(bytes: Uint8Array): VertexLog {
  const field = byNumber(bytes);
  return {
    vertex: textOf(field(1)),
    stream: numberOf(field(3)) === 2 ? "err" : "out",
    data: bytesOf(field(4)),
  };
}

function decodeWarning(bytes: Uint8Array): VertexWarning {
  const field = byNumber(bytes);
  const range = byNumber(bytesOf(field(7)));
  const start = byNumber(bytesOf(range(1)));
  return { short: textOf(field(3)), line: numberOf(start(1)) };
}

interface RawJson {
  readonly vertexes?: readonly {
    readonly digest?: string;
    readonly name?: string;
    readonly cached?: boolean;
    readonly started?: string;
    readonly completed?: string;
    readonly error?: string;
  }[];
  readonly statuses?: readonly {
    readonly id?: string;
    readonly vertex?: string;
    readonly name?: string;
    readonly current?: number;
    readonly total?: number;
    readonly completed?: string;
  }[];
  readonly logs?: readonly { readonly vertex?: string; readonly stream?: number; readonly data?: string }[];
  readonly warnings?: readonly {
    readonly short?: string;
    readonly range?: readonly { readonly start?: { readonly line?: number } }[];
  }[];
}

/** Reads a line of `docker buildx build --progress=rawjson`; undefined for a line that is something else. */
export function readRawJson(line: string): Trace | undefined {
  const raw: RawJson | undefined = jsonObject(line);
  if (!raw) return undefined;
  return {
    vertexes: (raw.vertexes ?? []).map((vertex) => ({
      digest: vertex.digest ?? "",
      name: vertex.name ?? "",
      cached: vertex.cached === true,
      started: vertex.started !== undefined,
      completed: vertex.completed !== undefined,
      error: vertex.error ?? "",
    })),
    statuses: (raw.statuses ?? []).map((status) => ({
      id: status.id ?? "",
      vertex: status.vertex ?? "",
      name: status.name ?? "",
      current: status.current ?? 0,
      total: status.total ?? 0,
      completed: status.completed !== undefined,
    })),
    logs: (raw.logs ?? []).map((log) => ({
      vertex: log.vertex ?? "",
      stream: log.stream === 2 ? "err" : "out",
      data: Buffer.from(log.data ?? "", "base64"),
    })),
    warnings: (raw.warnings ?? []).map((warning) => ({
      short: Buffer.from(warning.short ?? "", "base64").toString(),
      line: warning.range?.[0]?.start?.line ?? 0,
    })),
  };
}
