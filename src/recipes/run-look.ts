import type { ContainerSummary } from "tsbuildout/docker";
import {
  type CheckContext,
  type Drift,
  isFalse,
  isTrue,
  type LookContext,
  type PartRecord,
  RecipeError,
} from "tsbuildout/recipe";
import { engineOfRecord, listing, PART_LABEL } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import type { RunSchema } from "./run-options.js";
import { somebodyElses } from "./taken.js";

/** What differs between the containers that are there and those that are recorded: one request for all parts. */
export async function lookAtContainers(context: LookContext): Promise<Map<string, Drift[]>> {
  const found = new Map<string, Drift[]>();
  for (const record of context.records) {
    const engine = await engineOfRecord(context, record);
    // Every part's inputs ask for the images next: both lists come at the same time.
    listing(context, engine, "images").catch(() => undefined);
    const containers = await listing(context, engine, "containers");
    const { name = record.part } = record.options;
    const is = namesOf(containers).get(name);
    const drift = is ? driftOf(record, name, is) : missing(record, name, containers);
    if (drift.length > 0) found.set(record.part, drift);
  }
  return found;
}

/** Says before anything is done that the part's name is somebody else's. @throws a problem `container/name-taken` */
export async function refuseTaken(context: CheckContext<RunSchema>): Promise<void> {
  await refuseDeadEnd(context);
  const { name } = context.options;
  if (name === undefined) return;
  const isMeant = ({ Names }: ContainerSummary): boolean => Names?.includes(`/${name}`) ?? false;
  const holder = await somebodyElses(context, "containers", isMeant);
  if (holder) throw nameTaken(name, holder);
}

export function nameTaken(
  name: string,
  { Id, Image, State, Labels }: Pick<ContainerSummary, "Id" | "Image" | "State" | "Labels">,
): RecipeError {
  const owner = Labels?.[PART_LABEL];
  return new RecipeError({
    code: "container/name-taken",
    message: `the name ${name} is taken by a container that this part did not make`,
    notes: [
      `container ${Id.slice(0, 12)}, image ${Image}, ${State}`,
      ...(owner ? [`the part ${owner} of a buildout made it`] : []),
    ],
    help: ["take another name, or remove that container"],
    option: "name",
  });
}

/** A list is indexed once, however many parts look something up in it. */
const indexes = new WeakMap<readonly ContainerSummary[], ReadonlyMap<string, ContainerSummary>>();

function namesOf(containers: readonly ContainerSummary[]): ReadonlyMap<string, ContainerSummary> {
  let index = indexes.get(containers);
  if (!index) {
    const pairs = containers.flatMap((one) => (one.Names ?? []).map((name) => [name.slice(1), one] as const));
    indexes.set(containers, (index = new Map(pairs)));
  }
  return index;
}

const runsToEnd = (record: PartRecord): boolean => /^exit\b/m.test(record.options["wait-for"] ?? "");

function missing(record: PartRecord, name: string, containers: readonly ContainerSummary[]): Drift[] {
  const renamed = containers.find(({ Id }) => Id === record.outputs["container-id"]);
  if (renamed) {
    const now = renamed.Names?.[0]?.slice(1) ?? "otherwise";
    return [{ kind: "changed", message: `container ${name} is called ${now} now` }];
  }
  if (runsToEnd(record) && isTrue(record.options["auto-remove"])) return [];
  return [{ kind: "missing", message: `container ${name} is gone` }];
}

function driftOf(record: PartRecord, name: string, is: ContainerSummary): Drift[] {
  if (is.Id !== record.outputs["container-id"])
    return [{ kind: "changed", message: `container ${name} is another one than this part made` }];
  const starts = !isFalse(record.options["start"]);
  if (starts && !runsToEnd(record) && !["running", "restarting"].includes(is.State))
    return [{ kind: "stopped", message: `container ${name} is ${is.State}` }];
  const ailing = ailment(record, name, is);
  return is.State === "running"
    ? [...ailing, ...networkDrift(record, name, is), ...portDrift(record, name, is)]
    : ailing;
}

/** What only who looks after the program in it can mend. */
function ailment(record: PartRecord, name: string, { State, Status = "" }: ContainerSummary): Drift[] {
  const code = /^Restarting \((\d+)\)/.exec(Status)?.[1];
  const what =
    State === "restarting" && code !== undefined && !runsToEnd(record)
      ? `is started again and again, and ended with exit code ${code}`
      : Status.endsWith("(unhealthy)") && "is unhealthy";
  return what ? [{ kind: "changed", message: `container ${name} ${what}`, repair: "none" }] : [];
}

/** The networks that it is not in any more, and the addresses that others may have been told. */
function networkDrift(record: PartRecord, name: string, is: ContainerSummary): Drift[] {
  const joined = is.NetworkSettings?.Networks ?? {};
  const named = Object.entries(record.outputs).flatMap(([output, address]) => {
    const network = /^ip-address-(.+)$/.exec(output)?.[1];
    return network === undefined ? [] : [{ network, address }];
  });
  const changed = (message: string): Drift => ({ kind: "changed", message: `container ${name} ${message}` });
  const address = record.outputs["ip-address"];
  if (named.length === 0 && address) {
    const now = Object.values(joined).flatMap(({ IPAddress }) => IPAddress || []);
    return now.length === 0 || now.includes(address)
      ? []
      : [changed(`has address ${now.join(", ")}, not ${address}`)];
  }
  return named.flatMap(({ network, address: was }): Drift[] => {
    const endpoint = joined[network];
    if (!endpoint) return [changed(`is not in network ${network}`)];
    const now = endpoint.IPAddress ?? "";
    return now === "" || now === was ? [] : [changed(`has address ${now} in ${network}, not ${was}`)];
  });
}

/** Ports that the engine chose, which it chooses anew at every start; others may have been told of them. */
function portDrift(record: PartRecord, name: string, is: ContainerSummary): Drift[] {
  const before = (record.outputs["ports"] ?? "").match(/\d+:\d+\/\w+$/gm) ?? [];
  const now = (is.Ports ?? []).flatMap(({ PublicPort, PrivatePort, Type }) =>
    PublicPort ? [`${PublicPort}:${PrivatePort}/${Type}`] : [],
  );
  const [was, has] = [before, now].map((ports) => [...new Set(ports)].sort().join(" "));
  if (was === has || !was || !has) return [];
  return [{ kind: "changed", message: `container ${name} publishes ${has}, not ${was}` }];
}
