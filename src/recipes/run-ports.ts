/** Ports of the host that another container, or another program, has. */
import { isNotFound, listAll, type Call, type PortMapping } from "tsbuildout/docker";
import { RecipeError, type InstallContext } from "tsbuildout/recipe";
import { placeOf } from "./common.js";
import type { RunSchema } from "./run-options.js";

type Starting = InstallContext<RunSchema>;

/** A container and its ports. */
interface Holder {
  readonly name: string;
  readonly ports: readonly Published[];
}

interface Published {
  readonly IP?: string | undefined;
  readonly PublicPort?: number | undefined;
  readonly Type?: string | undefined;
}

/**
 * To be called before a container is started.
 * @returns what makes of the engine's refusal one that names the ports that are taken, and the containers that have them
 */
export async function startingWith(
  context: Starting,
  { engine, signal }: Call,
): Promise<(error: unknown) => Promise<unknown>> {
  const { name } = context.options;
  const wanted = context.options.ports.flat();
  if (wanted.length === 0) return async (error) => error;
  // The engine lists the ports of a container only once it has started it: those of this run we know ourselves.
  const started = await context.shared<Holder[]>(`ports of containers ${placeOf(context)}`, () => []);
  started.push({ name, ports: wanted.map(published) });
  const others = (holders: readonly Holder[]): Holder[] => holders.filter((one) => one.name !== name);
  return async (error) => {
    if (signal?.aborted || !(error instanceof Error) || isNotFound(error)) return error;
    const taken = takenBy(others(await listed(engine)), wanted);
    if (taken.length === 0 && TAKEN.test(error.message)) taken.push(...takenBy(others(started), wanted));
    if (taken.length > 0) return portTaken(taken, "publish another port, or stop that container", error);
    const elsewhere = IN_USE.test(error.message) ? wanted.filter(isNamed(error.message)) : [];
    return elsewhere.length === 0
      ? error
      : portTaken(
          elsewhere.map((port) => `port ${port.hostPort}/${port.protocol} of the host is taken by a program`),
          "publish another port, or end that program: on the engine's host, ss -lntup shows it",
          error,
        );
  };
}

async function listed(engine: Call["engine"]): Promise<Holder[]> {
  const all = await listAll(engine, "containers").catch(() => []);
  return all.map(({ Id, Names, Ports }) => ({
    name: Names?.[0]?.slice(1) ?? Id.slice(0, 12),
    ports: Ports ?? [],
  }));
}

/** What Docker and podman say of a port that is taken. */
const TAKEN = /already (?:allocated|in use)/;

/** What the kernel says of one that another program listens on. */
const IN_USE = /address already in use/;

const isNamed =
  (message: string) =>
  ({ hostPort }: PortMapping): boolean =>
    hostPort !== "" && new RegExp(`:${hostPort}\\b`).test(message);

const published = ({ hostIp, hostPort, protocol }: PortMapping): Published => ({
  IP: hostIp,
  PublicPort: Number(hostPort),
  Type: protocol,
});

function takenBy(holders: readonly Holder[], wanted: readonly PortMapping[]): string[] {
  return holders.flatMap(({ name, ports }) => {
    const port = ports.find((has) => wanted.some(clash(has)));
    return port ? [`port ${port.PublicPort}/${port.Type} of the host is taken by container ${name}`] : [];
  });
}

const EVERY_ADDRESS: readonly string[] = ["", "0.0.0.0", "::"];

/** Whether a port cannot be published while another container has this one. */
function clash({ IP: ip = "", PublicPort: number, Type: protocol }: Published) {
  return ({ hostIp, hostPort, protocol: wanted }: PortMapping): boolean =>
    hostPort === String(number) &&
    wanted === protocol &&
    (hostIp === ip || EVERY_ADDRESS.includes(hostIp) || EVERY_ADDRESS.includes(ip));
}

function portTaken(taken: readonly string[], help: string, error: Error): RecipeError {
  return new RecipeError(
    {
      code: "container/port-taken",
      message: taken.join(", "),
      notes: [`the engine says: ${error.message}`],
      help: [help],
      option: "ports",
    },
    { cause: error },
  );
}
