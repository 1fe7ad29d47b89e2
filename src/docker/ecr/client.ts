import type { ECRClient } from "@aws-sdk/client-ecr";
import { accessId, clientConfig, completeAccess, type EcrAccess, type Environment } from "./access.js";
import { ecrError, NO_REGION } from "./errors.js";

type Sdk = typeof import("@aws-sdk/client-ecr");

/** What is done, so that an error can say it. */
interface Doing {
  readonly action: string;
  readonly repository?: string;
  readonly signal?: AbortSignal | undefined;
}

/** ECR's control plane in one region, for one set of credentials. */
export interface Ecr {
  /** The same for the same registry and credentials. */
  readonly id: string;
  readonly region: string;
  readonly accountId: string | undefined;
  /** Set where another control plane than AWS's is asked. */
  readonly endpoint: string | undefined;
  /** Sends one request; throttling and server errors are tried again with back-off. @throws DockerError `ecr/…` */
  call<T>(doing: Doing, send: Send<T>): Promise<T>;
}

type Send<T> = (sdk: Sdk, client: ECRClient, options: { abortSignal?: AbortSignal }) => Promise<T>;

/** One client for one access in this process: its connections and its role's credentials serve every part. */
const clients = new Map<string, Promise<Ecr>>();

/** @throws DockerError `ecr/no-region` */
export async function openEcr(wish: EcrAccess, env: Environment): Promise<Ecr> {
  const access = completeAccess(wish, env);
  const id = accessId(access);
  let made = clients.get(id);
  if (!made) {
    made = makeEcr(access, id, env);
    clients.set(id, made);
    made.catch(() => clients.delete(id));
  }
  return await made;
}

async function makeEcr(access: EcrAccess, id: string, env: Environment): Promise<Ecr> {
  const sdk = await import("@aws-sdk/client-ecr");
  const client = new sdk.ECRClient(clientConfig(access, env));
  const region = await regionOf(client);
  const { accountId, endpoint } = access;
  return {
    id,
    region,
    accountId,
    endpoint,
    async call({ signal, ...doing }, send) {
      signal?.throwIfAborted();
      try {
        // One for each call: many calls that listen to the same signal look like a leak.
        return await send(sdk, client, signal ? { abortSignal: AbortSignal.any([signal]) } : {});
      } catch (error) {
        signal?.throwIfAborted();
        throw ecrError(error, { ...doing, region, endpoint });
      }
    },
  };
}

/** The SDK looks into the profile, too. What it throws without a region has neither a code nor a class. */
async function regionOf(client: ECRClient): Promise<string> {
  try {
    return await client.config.region();
  } catch (error) {
    const missing = Object.assign(new Error(String(error)), { name: NO_REGION });
    throw ecrError(missing, { action: "", region: "" });
  }
}
