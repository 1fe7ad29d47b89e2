import type { Listener } from "./build-report.js";

/** A line of a pull, a push or a load. */
export interface TransferLine {
  readonly status?: string;
  readonly stream?: string;
  /** Of the layer that it is about. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: { readonly Tag?: string; readonly Digest?: string };
}

/** Turns the engine's lines into progress per layer, and its words about the whole into log lines. */
export class TransferReport {
  /** Tag -> digest, as a push reports it. */
  readonly digests = new Map<string, string>();
  readonly #listener: Listener;
  /** What was said last of each layer: it says the same for every few kilobytes. */
  readonly #layers = new Map<string, string>();

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  line(line: TransferLine): void {
    const { aux, id, status, stream } = line;
    if (aux?.Tag && aux.Digest) this.digests.set(aux.Tag, aux.Digest);
    if (stream) this.#listener.log(stream.trimEnd());
    if (!status) return;
    if (id && isLayer(id)) this.#layer(id, status, line.progressDetail);
    else this.#listener.log(id ? `${id}: ${status}` : status);
  }

  #layer(id: string, status: string, detail: TransferLine["progressDetail"]): void {
    const { current, total } = detail ?? {};
    if (current === undefined && this.#layers.get(id) === status) return;
    this.#layers.set(id, status);
    this.#listener.progress({
      id,
      step: `${status} ${id}`,
      ...(current === undefined ? {} : { current, unit: "bytes" as const }),
      ...(current !== undefined && total !== undefined && total > 0 ? { total } : {}),
    });
  }
}

/** Layers go by the first digits of their digest; anything else is a tag. */
function isLayer(id: string): boolean {
  return /^[0-9a-f]{12,64}$/.test(id) || id.startsWith("sha256:");
}
