/** Names of images that several parts of a buildout have brought or made: the last of them takes the name away. */
import {
  familiarName,
  familiarReference,
  imageKey,
  parseReference,
  type ImageDetails,
} from "tsbuildout/docker";
import type { InstallContext, PartRecord, Schema, UninstallContext } from "tsbuildout/recipe";
import { onSameEngine } from "./common.js";
import { imagesByName, namesOf } from "./image-look.js";
import { isReference } from "./names.js";

/** What can be asked for the records of other parts. */
export type Sharing = InstallContext<Schema> | UninstallContext;

export interface NamedImage {
  readonly name: string;
  /** Of the image that has the name on the engine. */
  readonly id: string;
}

/** Another part that is recorded with this very image under this name, on the same engine. */
export function otherWith(context: Sharing, image: NamedImage): string | undefined {
  return context.others().find((record) => onSameEngine(context, record) && has(record, image))?.part;
}

/** While a part is at it, the id of what it brings is not known. */
function has(record: PartRecord, { name, id }: NamedImage): boolean {
  const names = imagesByName(record);
  const known = names.get(name) ?? record.outputs["image-id"];
  return names.has(name) && (!known || known === id);
}

/** The id of the image that another part has made under this name, as far as that is recorded: the name may have moved since. */
export function idByMaker(context: Sharing, name: string): string | undefined {
  if (!isReference(name)) return undefined;
  const key = imageKey(name);
  const isMaker = (record: PartRecord): boolean =>
    onSameEngine(context, record) && namesOf(record).some((one) => imageKey(one) === key);
  return context.others().find(isMaker)?.outputs["image-id"];
}

/** Whether a name is to stay for the sake of another part, which is said. */
export function staysForAnother(context: Sharing, image: NamedImage): boolean {
  const other = otherWith(context, image);
  if (other !== undefined) context.log(`image ${image.name} stays: the part ${other} has it, too`, "note");
  return other !== undefined;
}

/** Other parts' names for the image by a digest: with the last tag of its repository an engine takes one away, too. */
export function digestsOfOthers(
  context: Sharing,
  { RepoDigests }: Pick<ImageDetails, "RepoDigests">,
): string[] {
  const names = context
    .others()
    .filter((record) => onSameEngine(context, record))
    .flatMap(namesOf);
  return names.flatMap(byDigest).filter((name) => RepoDigests?.includes(name));
}

/** Another part that has the image in the repository of a name by a digest: its tag there brought that name along. */
export function otherBringing(context: Sharing, { name, id }: NamedImage): string | undefined {
  const repository = repositoryOf(name);
  const brings = (record: PartRecord): boolean =>
    onSameEngine(context, record) &&
    [...imagesByName(record)].some(([one, known]) => known === id && repositoryOf(one) === repository);
  return context.others().find(brings)?.part;
}

function repositoryOf(name: string): string {
  return familiarName(parseReference(name));
}

/** As an engine lists it: without a tag. */
function byDigest(name: string): string[] {
  if (!name.includes("@")) return [];
  const { tag: _tag, ...reference } = parseReference(name);
  return [familiarReference(reference)];
}
