import { registryAuth } from "./auth.js";
import type { Credentials } from "./auth-types.js";
import type { Engine } from "./engine.js";
import { hasStatus } from "./errors.js";
import { encodePath } from "./image.js";
import { formatReference, parseReference, withDefaultTag } from "./reference.js";

export interface RemoteLook {
  readonly login: Credentials | undefined;
  readonly signal?: AbortSignal;
}

/**
 * The digest that a registry has under a reference, asked through the engine: it is the engine that pulls and pushes, with
 * its own mirrors, certificates, proxies and insecure registries, so only its answer says what a pull would bring.
 * @returns undefined where the registry has none of that name, and where the engine cannot ask (podman)
 * @throws DockerError where the registry refuses or cannot be reached
 */
export async function remoteDigest(
  engine: Pick<Engine, "request">,
  reference: string,
  look: RemoteLook,
): Promise<string | undefined> {
  const full = formatReference(withDefaultTag(parseReference(reference)));
  try {
    const answer = await engine.request<{ readonly Descriptor?: { readonly digest?: string } }>({
      path: `/distribution/${encodePath(full)}/json`,
      headers: { "X-Registry-Auth": registryAuth(look.login) },
      ...(look.signal ? { signal: look.signal } : {}),
    });
    return answer.Descriptor?.digest;
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
