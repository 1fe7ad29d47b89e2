import type { Listener } from "./build-report.js";

/** A line of a pull, a push or a load. */
export interface TransferLine {
  readonly status?: string;
  /** Of a load, and in podman's own API, what `status` is in Docker's. */
  readonly stream?: string;
  /** Of the layer that it is about. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: { readonly Digest?: string };
}

/** How a push ends. Podman does not say the digest otherwise; what it knows the image by differs from what it pushed. */
const DIGEST_SAID = /^\S+: digest: (sha256:[0-9a-f]{64}) size: \d+$/;

/** How a pull ends, except podman's: of one tag or of all. */
const PULLED = /^Status: /;

/** How an engine says that it has loaded an image without a name; podman calls the id its name. It says it in no other way. */
const LOADED = /^Loaded image(?: ID)?: (?:sha256:)?([0-9a-f]{64})$/m;

/** Turns the engine's lines into progress per layer, and its words about the whole into log lines. */
export class TransferReport {
  /** Of the last image that a push was done with; undefined before, and of a pull or a load. */
  digest: string | undefined;
  /** Whether a pull was said to be done. */
  ended = false;
  /** The id of the last image that was loaded without a name. */
  nameless: string | undefined;
  readonly #listener: Listener | undefined;
  /** What was said last of each layer: it says the same for every few kilobytes. */
  readonly #layers = new Map<string, string>();
  /** Seconds that each layer that waits was last said to wait: the engine counts them down. */
  readonly #waiting = new Map<string, number>();

  constructor(listener: Listener | undefined) {
    this.#listener = listener;
  }

  line(line: TransferLine): void {
    const { aux, id, status, stream } = line;
    this.digest = aux?.Digest ?? DIGEST_SAID.exec(status ?? "")?.[1] ?? this.digest;
    if (stream) this.#said(stream);
    if (!status) return;
    this.ended ||= PULLED.test(status);
    if (id && isLayer(id)) this.#layer(id, status, line.progressDetail);
    else this.#listener?.log(id ? `${id}: ${status}` : status);
  }

  #said(text: string): void {
    const id = LOADED.exec(text)?.[1];
    if (id) this.nameless = `sha256:${id}`;
    this.#listener?.log(text.trimEnd());
  }

  #layer(id: string, status: string, detail: TransferLine["progressDetail"]): void {
    this.#retry(id, status);
    const { current, total } = detail ?? {};
    if (current === undefined && this.#layers.get(id) === status) return;
    this.#layers.set(id, status);
    this.#listener?.progress({
      id,
      step: `${status} ${id}`,
      ...(current === undefined ? {} : { current, unit: "bytes" as const }),
      ...(current !== undefined && total !== undefined && total > 0 ? { total } : {}),
    });
  }

  /** An engine whose transfer breaks off tries again by itself, up to five times, and waits longer each time: a line says
   *  so once for each time, where progress would pass by. */
  #retry(id: string, status: string): void {
    const [, text] = /^Retrying in (\d+) seconds?/.exec(status) ?? [];
    const seconds = Number(text ?? 0);
    const before = this.#waiting.get(id) ?? 0;
    this.#waiting.set(id, seconds);
    if (seconds <= before) return;
    this.#listener?.log(`${id}: the transfer broke off; the engine is retrying in ${seconds} seconds`);
  }
}

/** Layers go by the first digits of their digest; anything else is a tag. */
function isLayer(id: string): boolean {
  return /^[0-9a-f]{12,64}$/.test(id) || id.startsWith("sha256:");
}
