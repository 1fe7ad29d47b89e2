import { createVolume, inspectVolume, type Call, type VolumeState } from "tsbuildout/docker";
import {
  defineRecipe,
  option,
  RecipeError,
  type CheckContext,
  type Context,
  type Drift,
  type InputsContext,
  type InstallContext,
  type LookContext,
  type OptionsOf,
  type PartRecord,
} from "tsbuildout/recipe";
import { blaming } from "./blame.js";
import {
  configureEngine,
  engineOf,
  engineOfRecord,
  engineOptions,
  heirOf,
  isOfBuildout,
  isOurs,
  labelsOf,
  listing,
  makeAfterOther,
  onSameEngine,
} from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { checkName } from "./names.js";
import { differingPairs } from "./differences.js";
import { recordOf } from "./spec-options.js";
import { somebodyElses } from "./taken.js";
import { removeUnused } from "./volume-in-use.js";
import { parseOwner } from "./owner.js";

const options = {
  name: option.string({
    doc: "Name of the volume. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
  }),
  driver: option.string({ doc: "Driver that keeps the volume. Default: the engine's own, `local`." }),
  "driver-options": option.pairs({
    doc: "Options of the driver, `NAME=VALUE` a line, for example `type=tmpfs`.",
    aliases: ["driver-opts"],
  }),
  labels: option.pairs({ doc: "Labels of the volume, `NAME=VALUE` a line." }),
  layout: option.path({
    doc: "A folder whose content a new volume is filled with. A volume that was there before is never written to.",
    inPlace: true,
  }),
  "layout-uid": option.custom("integer", parseOwner, {
    doc: "Owner of what the layout brings. Default: as in the folder.",
    inPlace: true,
  }),
  "layout-gid": option.custom("integer", parseOwner, {
    doc: "Group of what the layout brings. Default: as in the folder.",
    inPlace: true,
  }),
  ...engineOptions,
};

type Options = OptionsOf<typeof options>;

export default defineRecipe({
  doc: "Creates a volume. One that is there already is used and left alone; one that this part made goes with the part, never because an option changed or the section got another name.",
  options,
  outputs: {
    mountpoint: { doc: "Where the engine's host keeps the volume." },
    "actual-driver": { doc: "The driver that keeps the volume." },
  },
  protects: "the data in the volume",
  async configure(context) {
    configureEngine(context);
    const { name } = context.options;
    if (name === undefined) return;
    checkName(context, "volume", name);
    await makeAfterOther(context, keyOf(name));
  },
  look,
  check,
  foresee,
  install: bringUp,
  update: bringUp,
  async foreseeUninstall(context) {
    const call: Call = { engine: await engineOf(context), signal: context.signal };
    const lines: string[] = [];
    let loses = false;
    for (const { kind, name } of context.record.resources) {
      if (kind !== "volume" || !(await isStillOurs(context, call, name))) continue;
      const heir = await heirOf(context, keyOf(name));
      lines.push(heir === undefined ? `the data in the volume ${name} goes with it` : goesOver(name, heir));
      loses ||= heir === undefined;
    }
    return { lines, loses };
  },
  async uninstall(context) {
    const call: Call = { engine: await engineOf(context), signal: context.signal };
    const { removeHelper } = await import("./volume-fill.js");
    // Backwards: the container of a fill that was cut off holds its image and the volume.
    for (const resource of [...context.record.resources].reverse()) {
      const { kind, name } = resource;
      await removeHelper(context, call, resource);
      if (kind !== "volume" || !(await isStillOurs(context, call, name))) continue;
      const heir = await heirOf(context, keyOf(name));
      if (heir !== undefined) {
        context.log(goesOver(name, heir), "note");
        continue;
      }
      await removeUnused(call, name, "remove those containers first, or set keep = true on the part");
    }
  },
});

/** Of what makes it, for parts that use it. */
const keyOf = (name: string): string => `volume:${name}`;

const goesOver = (name: string, heir: string): string => `volume ${name} goes over to ${heir}`;

/** Whether the volume is there, and not one of somebody else's in its place. */
async function isStillOurs(context: Pick<Context, "buildout">, call: Call, name: string): Promise<boolean> {
  return isOfBuildout((await inspectVolume(call, name))?.Labels, context);
}

/** A volume of somebody else's that could not be used is told before anything is done. */
async function check(context: CheckContext<typeof options>): Promise<void> {
  await refuseDeadEnd(context);
  if (context.unknown.size > 0) return;
  const found = await somebodyElses(context, "volumes", ({ Name }) => Name === context.options.name);
  if (found) refuseOther(found, context.options as Options, false);
}

/** A volume that is there is not filled. */
async function foresee(context: InputsContext<typeof options>): Promise<readonly string[]> {
  const { name, layout } = context.options;
  if (layout === undefined) return [];
  const call: Call = { engine: await engineOf(context), signal: context.signal };
  if (await inspectVolume(call, name)) return [];
  const { foreseeLayouts } = await import("./run-layout.js");
  return await foreseeLayouts(layout);
}

/** The volume as asked for: made where there is none, checked where there is one. */
async function bringUp(context: InstallContext<typeof options>): Promise<Record<string, string>> {
  const call: Call = { engine: await engineOf(context), signal: context.signal };
  const { name } = context.options;
  const found = await inspectVolume(call, name);
  const volume = found ?? (await blaming(context, async () => await make(context, call)));
  const ours = isOurs(volume.Labels, context) || isInherited(context, volume);
  refuseOther(volume, context.options, ours);
  // Somebody has put one of their own in its place: it is used, and left when the part goes.
  if (!ours) await context.removed({ kind: "volume", name });
  // Ours without a record is what a run left that was killed and whose state was lost: it goes with the part again.
  if (ours && found) await context.created({ kind: "volume", name });
  if (ours && (!found || isHalfFilled(context.record))) {
    const { fillVolume } = await import("./volume-fill.js");
    await fillVolume(context, call);
  }
  return { mountpoint: volume.Mountpoint, "actual-driver": volume.Driver };
}

/** Whether an update that made the volume again did not come to its end: what fills it is still recorded. */
function isHalfFilled(record: PartRecord | undefined): boolean {
  return record?.resources.some(({ kind }) => kind === "fill-container") ?? false;
}

/** Whether this part takes over what one made that is gone: a section that got another name. */
function isInherited(context: InstallContext<typeof options>, { Name, Labels }: VolumeState): boolean {
  const has = (record: PartRecord): boolean =>
    record.resources.some(({ kind, name }) => kind === "volume" && name === Name) &&
    onSameEngine(context, record);
  return isOfBuildout(Labels, context) && !context.others().some(has);
}

async function make(context: InstallContext<typeof options>, call: Call): Promise<VolumeState> {
  const { name, driver } = context.options;
  await context.created({ kind: "volume", name });
  const volume = await createVolume(call, {
    name,
    ...(driver ? { driver } : {}),
    options: recordOf(context.options["driver-options"]),
    labels: { ...recordOf(context.options.labels), ...labelsOf(context) },
  });
  // The engine answers with the volume of that name if somebody made one in this instant.
  if (!isOurs(volume.Labels, context)) await context.removed({ kind: "volume", name });
  return volume;
}

function refuseOther(volume: Omit<VolumeState, "Mountpoint">, wanted: Options, ours: boolean): void {
  const differences = [
    ...(wanted.driver && wanted.driver !== volume.Driver
      ? [`its driver is ${volume.Driver}, not ${wanted.driver}`]
      : []),
    ...differingPairs("driver option", recordOf(wanted["driver-options"]), volume.Options),
    ...differingPairs("label", recordOf(wanted.labels), volume.Labels),
  ];
  if (differences.length === 0) return;
  throw new RecipeError({
    code: "volume/differs",
    message: `volume ${volume.Name} is there already and differs from what is asked for`,
    notes: [...differences, ours ? "this part made it" : "this part did not make it, and leaves it as it is"],
    help: ["ask for what is there, take another name, or remove the volume if its data may go"],
    option: "name",
  });
}

async function look(context: LookContext): Promise<Map<string, Drift[]>> {
  const drift = new Map<string, Drift[]>();
  for (const record of context.records) {
    const engine = await engineOfRecord(context, record);
    const { name = record.part } = record.options;
    const found = (await listing(context, engine, "volumes")).find((volume) => volume.Name === name);
    const made = record.resources.some((one) => one.kind === "volume" && one.name === name);
    if (!found) drift.set(record.part, [{ kind: "missing", message: `volume ${name} is gone` }]);
    else if (made && !isOfBuildout(found.Labels, context))
      drift.set(record.part, [
        { kind: "changed", message: `volume ${name} is another one than this part made` },
      ]);
  }
  return drift;
}
