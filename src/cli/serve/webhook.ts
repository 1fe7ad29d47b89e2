import { createHmac, timingSafeEqual } from "node:crypto";

/** What a push says that is of use here
 *  (https://docs.github.com/en/webhooks/webhook-events-and-payloads#push). */
export interface Push {
  readonly branch: string;
  readonly before: string;
  readonly after: string;
}

/** Whether a body was signed with the secret: `X-Hub-Signature-256: sha256=<hex of its HMAC>`
 *  (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). */
export function isSigned(body: Buffer, header: string | undefined, secret: string): boolean {
  const given = /^sha256=([0-9a-f]{64})$/.exec(header ?? "");
  if (!given) return false;
  return timingSafeEqual(Buffer.from(given[1]!, "hex"), createHmac("sha256", secret).update(body).digest());
}

const COMMIT = /^[0-9a-f]{40}$|^[0-9a-f]{64}$/;

/** The push that a body tells of; undefined for a tag, a deleted branch, or what is no push at all. */
export function parsePush(body: Buffer): Push | undefined {
  let payload: unknown;
  try {
    payload = JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof payload !== "object" || payload === null) return undefined;
  const { ref, before, after } = payload as Record<string, unknown>;
  if (typeof ref !== "string" || typeof before !== "string" || typeof after !== "string") return undefined;
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
  const deleted = /^0+$/.test(after);
  if (branch === undefined || deleted || !COMMIT.test(after) || !COMMIT.test(before)) return undefined;
  return { branch, before, after };
}

/** Deliveries that were taken, so that none is taken twice; the latest thousand are remembered. */
export class Deliveries {
  readonly #seen: Set<string>;

  constructor(seen: Iterable<string> = []) {
    this.#seen = new Set(seen);
  }

  /** False where it has been seen before, or is no delivery's id. */
  take(id: string | undefined): boolean {
    if (id === undefined || !/^[\w-]{1,100}$/.test(id) || this.#seen.has(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > 1000) for (const oldest of this.#seen) if (this.#seen.delete(oldest)) break;
    return true;
  }

  list(): readonly string[] {
    return [...this.#seen];
  }
}
