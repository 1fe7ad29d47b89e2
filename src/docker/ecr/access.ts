import { createHash } from "node:crypto";
import type { ECRClientConfig } from "@aws-sdk/client-ecr";
import { ecrError } from "./errors.js";

/** Whose registry is meant, and with which credentials it is asked. What is left out comes from the environment
 *  and the SDK's default chain (keys, profile, SSO, web identity, container, instance). */
export interface EcrAccess {
  readonly region?: string;
  /** The registry's account, where it is not that of the credentials. */
  readonly accountId?: string;
  /** Another control plane: a VPC endpoint, an emulator. */
  readonly endpoint?: string;
  readonly profile?: string;
  readonly keys?: AccessKeys;
  /** A role that the credentials assume first. */
  readonly roleArn?: string;
  /** How often a request is tried where AWS throttles or fails. Default: AWS_MAX_ATTEMPTS, else eight: the SDK's
   *  three lose against a fleet that starts at once. Between two tries are up to twenty seconds. */
  readonly attempts?: number;
}

/** A pair of AWS access keys; temporary ones have a session token as well. */
export interface AccessKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** With the environment filled in where the access is silent. The rest is found by the SDK. */
export function completeAccess(access: EcrAccess, env: Environment): EcrAccess {
  const region = access.region ?? nonEmpty(env["AWS_REGION"]) ?? nonEmpty(env["AWS_DEFAULT_REGION"]);
  const endpoint = access.endpoint ?? endpointFromEnvironment("ECR", env);
  const profile = access.profile ?? (access.keys ? undefined : nonEmpty(env["AWS_PROFILE"]));
  const keys = access.keys ?? (profile ? undefined : keysFromEnvironment(env));
  const attempts = access.attempts ?? (Number(env["AWS_MAX_ATTEMPTS"]) || 8);
  return {
    ...access,
    attempts,
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    ...(profile && { profile }),
    ...(keys && { keys }),
  };
}

/** The service's own variable wins over the one for all services
 *  (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). */
export function endpointFromEnvironment(service: "ECR" | "STS", env: Environment): string | undefined {
  if (env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] === "true") return undefined;
  return nonEmpty(env[`AWS_ENDPOINT_URL_${service}`]) ?? nonEmpty(env["AWS_ENDPOINT_URL"]);
}

function keysFromEnvironment(env: Environment): AccessKeys | undefined {
  const accessKeyId = nonEmpty(env["AWS_ACCESS_KEY_ID"]);
  const secretAccessKey = nonEmpty(env["AWS_SECRET_ACCESS_KEY"]);
  const sessionToken = nonEmpty(env["AWS_SESSION_TOKEN"]);
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

const nonEmpty = (text: string | undefined): string | undefined => text?.trim() || undefined;

/** The same for the same registry and credentials, without telling any secret: a key for what is remembered. */
export function accessId(access: EcrAccess): string {
  const { region, accountId, endpoint, profile, keys, roleArn, attempts } = access;
  const identity = keys && [keys.accessKeyId, keys.secretAccessKey, keys.sessionToken];
  const parts = [region, accountId, endpoint, profile, identity, roleArn, attempts];
  return createHash("sha256")
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest("hex");
}

/** What the SDK's client is made with. */
export function clientConfig(access: EcrAccess, env: Environment): ECRClientConfig {
  const base = {
    ...(access.region && { region: access.region }),
    ...(access.profile && { profile: access.profile }),
    ...(access.keys && { credentials: access.keys }),
    ...(access.attempts && { maxAttempts: access.attempts }),
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 60_000 },
  };
  const { roleArn } = access;
  return {
    ...base,
    ...(access.endpoint && { endpoint: access.endpoint }),
    ...(roleArn && { credentials: async () => await assumeRole(roleArn, base, env) }),
  };
}

/** One hour in the role; the SDK asks again when it ends. */
async function assumeRole(
  RoleArn: string,
  base: ECRClientConfig,
  env: Environment,
): Promise<AccessKeys & { readonly expiration?: Date }> {
  const { STSClient, AssumeRoleCommand } = await import("@aws-sdk/client-sts");
  const endpoint = endpointFromEnvironment("STS", env);
  const client = new STSClient({ ...(base as object), ...(endpoint && { endpoint }) });
  try {
    const answer = await client.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "tsbuildout" }));
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken, Expiration } = answer.Credentials ?? {};
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      ...(SessionToken && { sessionToken: SessionToken }),
      ...(Expiration && { expiration: Expiration }),
    };
  } catch (error) {
    throw ecrError(error, { action: "AssumeRole", region: await client.config.region(), endpoint });
  } finally {
    client.destroy();
  }
}
