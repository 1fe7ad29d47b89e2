/** Tags in ECR that a part has pushed: whether they are still there, and taking them away. */
import { imagesByTag, openEcr, removeTags } from "tsbuildout/docker";
import {
  RecipeError,
  type Drift,
  type InstallContext,
  type LookContext,
  type PartRecord,
  type Resource,
  type Schema,
  type UninstallContext,
} from "tsbuildout/recipe";
import { engineOf, engineOfRecord } from "./common.js";
import { withElsewhere } from "./ecr-elsewhere.js";
import { accessOfRecord } from "./ecr-options.js";
import { forgetNames } from "./registry-push.js";

/** One request for each repository and region, however many tags. Offline, nothing is asked. */
export async function lookAtEcr(context: LookContext): Promise<Map<string, readonly Drift[]>> {
  const found = new Map<string, readonly Drift[]>();
  if (context.buildout.offline) return found;
  const drifts = await Promise.all(
    context.records.map(async (record) => [record.part, await driftOf(context, record)] as const),
  );
  for (const [part, drift] of drifts) if (drift.length > 0) found.set(part, drift);
  return found;
}

async function driftOf(context: LookContext, record: PartRecord): Promise<Drift[]> {
  const { repository = "", regions = "", tags = "", digest } = record.outputs;
  const drift: Drift[] = [];
  for (const region of words(regions)) {
    const ecr = await openEcr(await accessOfRecord(context, record, region), context.env);
    const { signal } = context;
    const known = await imagesByTag(ecr, { repository, tags: words(tags), signal });
    const host = record.options["registry"];
    const images =
      known && host
        ? await withElsewhere(known, {
            engine: await engineOfRecord(context, record),
            ecr,
            host,
            repository,
            tags: words(tags),
            signal,
          })
        : known;
    if (!images) drift.push({ kind: "missing", message: `repository ${repository} is gone from ${region}` });
    for (const tag of images ? words(tags) : []) {
      const there = images?.get(tag)?.digest;
      if (!there)
        drift.push({ kind: "missing", message: `tag ${tag} is gone from ${repository} in ${region}` });
      else if (region === words(regions)[0] && there !== digest)
        drift.push({
          kind: "changed",
          message: `tag ${tag} of ${repository} in ${region} is another image now`,
        });
    }
  }
  return drift;
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** What was published stays, unless the file said `keep = false`. */
export async function removeTagsOf(context: UninstallContext): Promise<void> {
  await forgetNames(context, await engineOf(context));
  if (context.record.keep) return;
  await removeRecorded(context, context.record, () => true);
}

/** After a change under `keep = false`: the tags that were pushed before and are not asked for any more. */
export async function removeStaleTags(
  context: InstallContext<Schema>,
  published: readonly { readonly uri: string; readonly tags: readonly string[] }[],
): Promise<void> {
  const { record } = context;
  if (!record || record.keep) return;
  const wanted = new Set(published.flatMap(({ uri, tags }) => tags.map((tag) => `${uri}:${tag}`)));
  await removeRecorded(context, record, (name) => !wanted.has(name));
}

type Removing = Omit<UninstallContext, "record" | "because" | "leave" | "run"> &
  Partial<Pick<InstallContext<Schema>, "removed">>;

/** Takes away recorded tags, but never one that stands for another image by now. */
async function removeRecorded(
  context: Removing,
  record: PartRecord,
  choose: (name: string) => boolean,
): Promise<void> {
  const tags = record.resources.filter(({ kind, name }) => kind === "ecr-tag" && choose(name));
  for (const group of byRepository(tags)) {
    await removeFrom(context, record, group);
    for (const resource of group) await context.removed?.(resource);
  }
}

function byRepository(tags: readonly Resource[]): readonly (readonly Resource[])[] {
  const groups = new Map<string, Resource[]>();
  for (const tag of tags) {
    const key = `${tag["region"]}\n${tag["repository"]}`;
    groups.set(key, [...(groups.get(key) ?? []), tag]);
  }
  return [...groups.values()];
}

async function removeFrom(context: Removing, record: PartRecord, group: readonly Resource[]): Promise<void> {
  const { region = "", repository = "" } = group[0] ?? { kind: "", name: "" };
  const ecr = await openEcr(await accessOfRecord(context, record, region), context.env);
  const asked = group.map(({ tag = "" }) => tag);
  const images = await imagesByTag(ecr, { repository, tags: asked, signal: context.signal });
  const ours = group.flatMap(({ tag = "", before }) =>
    isOurs(record, region, { there: images?.get(tag)?.digest, before }) ? [tag] : [],
  );
  for (const tag of asked.filter((tag) => images?.has(tag) && !ours.includes(tag)))
    context.log(`tag ${tag} of ${repository} in ${region} is another image now: left as it is`, "note");
  const failed = await removeTags(ecr, { repository, tags: ours, signal: context.signal });
  for (const [tag, reason] of failed) throw notRemoved(`${repository}:${tag}`, reason);
}

interface Tagged {
  /** The digest under the tag now. */
  readonly there: string | undefined;
  /** That of somebody else's, before the part pushed it. */
  readonly before: string | undefined;
}

/** Only the first region's digest is recorded; the same image may be packed otherwise in another one. */
function isOurs({ outputs }: PartRecord, region: string, { there, before }: Tagged): boolean {
  if (!there || there === before) return false;
  const { digest, regions = "" } = outputs;
  return !digest || there === digest || words(regions)[0] !== region;
}

function notRemoved(name: string, reason: string): RecipeError {
  return new RecipeError({ code: "ecr/failed", message: `ECR did not take away ${name}: ${reason}` });
}
