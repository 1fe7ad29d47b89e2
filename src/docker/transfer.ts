/** Images between an engine and registries (https://docs.docker.com/reference/api/engine/, ImageCreate, ImagePush, Distribution). */
import type { Readable } from "node:stream";
import type { Credentials } from "./auth-types.js";
import { registryAuth } from "./auth.js";
import type { Listener } from "./build-report.js";
import type { Engine } from "./engine.js";
import { DockerError, hasStatus, isUnknownCall } from "./errors.js";
import { encodePath } from "./image.js";
import { platformObject } from "./image-platform.js";
import { familiarName, formatReference, parseReference, withDefaultTag } from "./reference.js";
import { askRegistry, type RemoteDescriptor } from "./registry-ask.js";
import { registryError } from "./registry-error.js";
import type { EngineRequest } from "./request.js";
import { cutOff, jsonLines } from "./stream.js";
import { TransferReport, type TransferLine } from "./transfer-report.js";

/** An image that goes between an engine and a registry: which one, with which login, and who is told how it goes. */
export interface Transfer {
  /** With a tag or a digest; `latest` otherwise. */
  readonly reference: string;
  /** The one that is meant, where there is an image for several: `linux/arm64`. */
  readonly platform?: string | undefined;
  readonly credentials?: Credentials | undefined;
  readonly listener?: Listener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Pulls an image, layer by layer reported.
 *  @throws DockerError `registry/missing`, `registry/denied`, … */
export async function pullImage(engine: Engine, pull: Transfer): Promise<void> {
  const reference = withDefaultTag(parseReference(pull.reference));
  const { tag, digest } = reference;
  // With a digest, the tag only names.
  const query = { fromImage: familiarName(reference), tag: digest ?? tag, platform: pull.platform };
  const request: EngineRequest = { method: "POST", path: "/images/create", query, ...authorised(pull) };
  // Podman does not say that a pull is at its end.
  if (engine.libpod) return void (await transfer(pull, async () => await engine.stream(request)));
  const { ended } = await transfer(pull, async () => await engine.selfEnding(request));
  if (!ended) throw cutOff(`nothing was said of how the pull of ${pull.reference} ended`);
}

/** Pushes an image that the engine has under this very name; of several platforms' under it, all or that for one.
 *  @returns the digest under which the registry took it
 *  @throws DockerError `registry/denied`, `registry/no-repository`, `registry/tag-refused`, … */
export async function pushImage(engine: Engine, push: Transfer): Promise<string> {
  const reference = withDefaultTag(parseReference(push.reference));
  const path = `/images/${encodePath(familiarName(reference))}/push`;
  const query = { tag: reference.tag, platform: platformObject(push.platform) };
  const request: EngineRequest = { method: "POST", path, query, ...authorised(push) };
  const { digest } = await transfer(push, async () => await engine.selfEnding(request));
  if (digest) return digest;
  throw new DockerError({
    code: "engine/cut-off",
    message: `the engine ended the push of ${push.reference} without a digest`,
  });
}

/** Pulls every tag of a repository. @param pull whose reference names only the repository */
export async function pullAllTags(engine: Engine, pull: Transfer): Promise<void> {
  const name = familiarName(parseReference(pull.reference));
  const { platform } = pull;
  const call: EngineRequest = engine.libpod
    ? // Podman takes a name without a tag for one with `latest`, except in its own API.
      { method: "POST", path: "/libpod/images/pull", query: { reference: name, allTags: true } }
    : { method: "POST", path: "/images/create", query: { fromImage: name, platform } };
  await transfer(pull, async () => await engine.stream({ ...call, ...authorised(pull) }));
}

/** @returns what the engine said of the end */
async function transfer(what: Transfer, ask: () => Promise<Readable>): Promise<TransferReport> {
  const report = new TransferReport(what.listener);
  try {
    for await (const line of jsonLines<TransferLine>(await ask())) report.line(line);
    return report;
  } catch (error) {
    what.signal?.throwIfAborted();
    throw registryError(error, what.reference, what.credentials);
  }
}

function authorised({ credentials, signal }: Transfer): Partial<EngineRequest> {
  return {
    headers: { "X-Registry-Auth": registryAuth(credentials) },
    ...(signal ? { signal } : {}),
  };
}

interface DistributionAnswer {
  readonly Descriptor: RemoteDescriptor;
}

/** What a registry holds under a reference, without fetching it; asked by the engine, whose network and trust count, or from
 *  here where the engine cannot.
 *  @returns undefined where the registry has no such image
 *  @throws DockerError `registry/denied`, … */
export async function remoteImage(engine: Engine, what: Transfer): Promise<RemoteDescriptor | undefined> {
  const reference = formatReference(withDefaultTag(parseReference(what.reference)));
  try {
    const path = `/distribution/${encodePath(reference)}/json`;
    const { Descriptor } = await engine.request<DistributionAnswer>({
      path,
      tells: "Descriptor",
      ...authorised(what),
    });
    return { digest: Descriptor.digest, mediaType: Descriptor.mediaType };
  } catch (error) {
    what.signal?.throwIfAborted();
    if (isUnknownCall(error)) return await askRegistry(engine, what);
    const translated = registryError(error, what.reference, what.credentials);
    if (hasStatus(error, 404) || isMissing(translated)) return undefined;
    throw translated;
  }
}

/** The registry says that it holds no such image: `registry/missing`, `registry/no-repository`. */
export function isMissing(error: unknown): boolean {
  return (
    error instanceof DockerError &&
    ["registry/missing", "registry/no-repository"].includes(error.problem.code)
  );
}
