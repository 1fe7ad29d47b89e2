/** Images in a registry that stands in the place of ECR's own. */
import { ecrToken, remoteImage, type Ecr, type Engine, type RemoteImage } from "tsbuildout/docker";

export interface Elsewhere {
  readonly engine: Engine;
  readonly ecr: Ecr;
  /** What the option `registry` says; without it ECR knows all that it has. */
  readonly host: string | undefined;
  readonly repository: string;
  readonly tags: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Adds what the registry has under those tags that ECR does not know: an emulator of ECR's requests alone sees nothing of
 * what is pushed. A registry that does not tell counts as one that has none.
 */
export async function withElsewhere(
  known: ReadonlyMap<string, RemoteImage>,
  { engine, ecr, host, repository, tags, signal }: Elsewhere,
): Promise<ReadonlyMap<string, RemoteImage>> {
  const missing = host === undefined ? [] : tags.filter((tag) => !known.has(tag));
  if (missing.length === 0) return known;
  const all = new Map(known);
  const { username, password } = await ecrToken(ecr, signal);
  const credentials = { username, password, serverAddress: host ?? "", origin: "ECR" };
  for (const tag of missing) {
    const reference = `${host}/${repository}:${tag}`;
    const found = await remoteImage(engine, { reference, credentials, signal }).catch(() => undefined);
    signal.throwIfAborted();
    if (found) all.set(tag, { digest: found.digest, configDigest: undefined });
  }
  return all;
}
