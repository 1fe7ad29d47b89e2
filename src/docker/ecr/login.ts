import { DockerError } from "../errors.js";
import { endpointFromEnvironment, type Environment } from "./access.js";
import { parseEcrHost } from "./address.js";
import { openEcr, type Ecr } from "./client.js";
import { ecrToken } from "./tokens.js";

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

export interface LoginSurroundings {
  readonly env: Environment;
  readonly signal?: AbortSignal;
}

/** ECR's control plane for a registry's host if it is one of ECR's; undefined for any other registry.
 *  @param host as an image reference has it
 *  @throws DockerError `ecr/no-region` */
export async function ecrOfHost(host: string, at: LoginSurroundings): Promise<Ecr | undefined> {
  const parsed = parseEcrHost(host);
  if (parsed) return await openEcr(parsed, at.env);
  // With another control plane, such as an emulator's, a registry may have any name.
  return endpointFromEnvironment("ECR", at.env) ? await emulatorOf(host, at) : undefined;
}

/** User and password for a registry's host if it is one of ECR's.
 *  @throws DockerError `ecr/no-credentials`, `ecr/denied`, … for a host of AWS */
export async function ecrLogin(host: string, at: LoginSurroundings): Promise<RegistryLogin | undefined> {
  const ecr = await ecrOfHost(host, at);
  if (!ecr) return undefined;
  const { username, password } = await ecrToken(ecr, at.signal);
  return { username, password };
}

/** Hub and the like are never asked for: an emulator does not stand for them. */
const PUBLIC =
  /(?:^|\.)(?:docker\.(?:io|com)|ghcr\.io|quay\.io|gcr\.io|mcr\.microsoft\.com|public\.ecr\.aws)$/;

/** The control plane says itself which registry its token opens. Where it does not answer, the host is
 *  nothing of its. */
async function emulatorOf(host: string, at: LoginSurroundings): Promise<Ecr | undefined> {
  if (PUBLIC.test(host)) return undefined;
  const [, accountId, region] = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\./.exec(host) ?? [];
  try {
    const ecr = await openEcr(accountId && region ? { accountId, region } : {}, at.env);
    return local((await ecrToken(ecr, at.signal)).host) === local(host) ? ecr : undefined;
  } catch (error) {
    if (error instanceof DockerError) return undefined;
    throw error;
  }
}

/** This machine has several names. */
function local(host: string): string {
  return host.replace(/^(?:localhost|127\.0\.0\.1|\[::1\])(?=:|$)/, "localhost");
}
