import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { controlPlane, type Call, type Fault } from "./ecr/control.js";
import { registryProxy, type RegistryRequest } from "./ecr/proxy.js";
import { listen } from "./ecr/relay.js";
import { Store, type Repository } from "./ecr/store.js";
import { startRegistry } from "./registry.js";

export interface EcrSettings {
  readonly accountId?: string;
  /** Where `env` points. */
  readonly region?: string;
  /** How long a token lives; twelve hours unless said. */
  readonly tokenSeconds?: number;
  /** Access keys that are known; `AKIATEST` unless said. */
  readonly accessKeyIds?: readonly string[];
  /** Without it there is no registry behind: enough where only the control plane is asked. */
  readonly registry?: boolean;
}

/** A small ECR for tests: the control plane on 127.0.0.1, and for each region a registry that accepts only the
 *  tokens handed out, in front of Debian's docker-registry. */
export interface Ecr {
  /** `http://127.0.0.1:PORT`, the control plane. */
  readonly endpoint: string;
  /** `127.0.0.1:PORT`, the registry of the settings' region. */
  readonly registry: string;
  /** What a user's environment would say. */
  readonly env: Readonly<Record<string, string>>;
  readonly calls: readonly Call[];
  readonly registryRequests: readonly RegistryRequest[];
  registryOf(region: string): Promise<string>;
  /** Makes the next calls of an action fail. */
  fail(action: string, fault: Fault): void;
  /** All tokens handed out so far end now. */
  expireTokens(): void;
  /** Called before each request to a registry is answered. */
  onRegistryRequest: (request: RegistryRequest) => void | Promise<void>;
  repository(name: string, region?: string): Repository | undefined;
  /** Names of the actions that were called, in order; empties the list. */
  takeActions(): string[];
  close(): Promise<void>;
}

export async function startEcr(settings: EcrSettings = {}): Promise<Ecr> {
  const { accountId = "123456789012", region = "us-east-1", tokenSeconds = 43_200 } = settings;
  const store = new Store(accountId);
  const behind = settings.registry === false ? undefined : await startRegistry();
  const calls: Call[] = [];
  const registryRequests: RegistryRequest[] = [];
  const faults = new Map<string, { fault: Fault; left: number }>();
  const servers: Server[] = [];
  const registries = new Map<string, Promise<string>>();

  const open = async (server: Server): Promise<string> => {
    servers.push(server);
    return `127.0.0.1:${await listen(server)}`;
  };
  const onRequest = (request: RegistryRequest) => {
    registryRequests.push(request);
    return ecr.onRegistryRequest(request);
  };
  const registryOf = (region: string): Promise<string> => {
    const start = () =>
      open(registryProxy({ store, region, behind: Number(behind?.host.split(":")[1] ?? 9), onRequest }));
    if (!registries.has(region)) registries.set(region, start());
    return registries.get(region)!;
  };
  const faultFor = (action: string): Fault | undefined => {
    const entry = faults.get(action);
    if (!entry || entry.left <= 0) return undefined;
    entry.left--;
    return entry.fault;
  };
  const control = controlPlane({
    accessKeyIds: new Set(settings.accessKeyIds ?? ["AKIATEST"]),
    contextFor: async (region) => ({ store, region, registry: await registryOf(region), tokenSeconds }),
    onCall: (call) => calls.push(call),
    faultFor,
  });
  const endpoint = `http://${await open(control)}`;

  const ecr: Ecr = {
    endpoint,
    registry: await registryOf(region),
    env: {
      AWS_ENDPOINT_URL_ECR: endpoint,
      AWS_ENDPOINT_URL_STS: endpoint,
      AWS_ACCESS_KEY_ID: "AKIATEST",
      // Each has its own: a token is remembered for these keys and this address, and ports come again.
      AWS_SECRET_ACCESS_KEY: `s3cr3t-access-key-${randomUUID()}`,
      AWS_REGION: region,
      AWS_EC2_METADATA_DISABLED: "true",
    },
    calls,
    registryRequests,
    registryOf,
    fail: (action, fault) =>
      void faults.set(action, { fault, left: fault.times ?? Number.POSITIVE_INFINITY }),
    expireTokens() {
      for (const token of store.tokens.keys()) store.tokens.set(token, 0);
    },
    onRegistryRequest: () => {},
    repository: (name, where = region) => store.repositories.get(`${where}/${name}`),
    takeActions: () => calls.splice(0).map(({ action }) => action),
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
      await behind?.stop();
    },
  };
  return ecr;
}
