import { DockerError } from "../errors.js";
import { hostOf } from "./address.js";
import type { Ecr } from "./client.js";
import { InFlight } from "./inflight.js";

/** A registry's password for some hours. */
export interface EcrToken {
  readonly username: string;
  readonly password: string;
  /** The registry that it opens, as image references have it: `123456789012.dkr.ecr.eu-west-1.amazonaws.com`. */
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

const cache = new Map<string, EcrToken>();
const inFlight = new Map<string, InFlight<EcrToken>>();

/** The token of a registry, from memory while it is good for a while longer; asked for once by any number of
 *  callers at the same time. (API reference, GetAuthorizationToken.)
 *  @throws DockerError `ecr/…` */
export async function ecrToken(ecr: Ecr, signal?: AbortSignal): Promise<EcrToken> {
  const known = cache.get(ecr.id);
  if (known && Date.now() < known.expiresAt) return known;
  const running = inFlight.get(ecr.id) ?? new InFlight((signal) => requestToken(ecr, signal));
  inFlight.set(ecr.id, running);
  try {
    const token = await running.join(signal);
    cache.set(ecr.id, token);
    return token;
  } finally {
    inFlight.delete(ecr.id);
  }
}

/** The registry has refused the token: the next one is a new one. */
export function forgetToken(ecr: Ecr, token: EcrToken): void {
  if (cache.get(ecr.id) === token) cache.delete(ecr.id);
}

async function requestToken(ecr: Ecr, signal: AbortSignal): Promise<EcrToken> {
  const { accountId } = ecr;
  const asked = Date.now();
  const answer = await ecr.call({ action: "GetAuthorizationToken", signal }, async (sdk, client, options) => {
    // Deprecated because any token opens every registry, but it still names the other account's endpoint.
    const input = accountId ? { registryIds: [accountId] } : {};
    return await client.send(new sdk.GetAuthorizationTokenCommand(input), options);
  });
  const [data] = answer.authorizationData ?? [];
  // The password may hold colons itself.
  const [, username, password] = /^([^:]*):(.*)$/s.exec(decode(data?.authorizationToken)) ?? [];
  if (!data?.proxyEndpoint || !username || !password) throw noToken(ecr);
  const end = data.expiresAt?.getTime() ?? asked + 3_600_000;
  return { username, password, host: hostOf(data.proxyEndpoint), expiresAt: end - margin(end - asked) };
}

/** A push may take long: a token that is about to end is not begun with. */
function margin(lifetime: number): number {
  return Math.min(15 * 60_000, lifetime / 10);
}

function decode(base64: string | undefined): string {
  return Buffer.from(base64 ?? "", "base64").toString();
}

function noToken({ region, endpoint }: Ecr): DockerError {
  return new DockerError({
    code: "ecr/failed",
    message: `ECR in ${region} gave no token${endpoint ? ` (${endpoint})` : ""}`,
  });
}
