import { readTarFile, type ReadTarHow } from "./archive-file.js";
import { DockerError } from "./errors.js";
import { jsonObject } from "./json-object.js";
import { familiarReference, parseReference, withDefaultTag } from "./reference.js";

/** An entry of a `docker save` archive's manifest.json. */
interface ArchiveImage {
  readonly Config?: string;
  readonly RepoTags?: readonly string[] | null;
}

interface OciIndex {
  readonly manifests?: readonly { readonly annotations?: Readonly<Record<string, string>> }[];
}

/**
 * The names that an archive of images gives them, without loading it.
 * @throws DockerError `image/not-archive` where it holds no images, `archive/broken`, `archive/no-program`
 */
export async function archiveNames(path: string, how: ReadTarHow = {}): Promise<string[]> {
  const images = await readJson<readonly ArchiveImage[]>(path, "manifest.json", how);
  if (images) return unique(listed(path, images).flatMap(({ RepoTags }) => RepoTags ?? []));
  const index = await readJson<OciIndex>(path, "index.json", how);
  if (!index) {
    throw new DockerError({
      code: "image/not-archive",
      message: `${path} is not an archive of images, as docker save writes them`,
      notes: ["it has neither manifest.json nor index.json"],
      option: "file",
    });
  }
  const manifests = listed(path, index.manifests ?? []);
  return unique(manifests.map(({ annotations }) => annotations?.["io.containerd.image.name"] ?? ""));
}

/** A file of the archive; undefined where there is none. */
async function readJson<T extends object>(
  path: string,
  name: string,
  how: ReadTarHow,
): Promise<T | undefined> {
  const text = await readTarFile(path, [name], how);
  if (!text) return undefined;
  const value = jsonObject(text.toString());
  if (!value) throw broken(path);
  return value as T;
}

/** What is in a file is what somebody has written there. */
function listed<T extends object>(path: string, list: readonly T[]): readonly T[] {
  if (!Array.isArray(list) || list.some((one) => typeof one !== "object" || one === null)) throw broken(path);
  return list;
}

function broken(path: string): DockerError {
  return new DockerError({
    code: "archive/broken",
    message: `${path} cannot be read: its list of images is damaged`,
    option: "file",
  });
}

function unique(names: readonly string[]): string[] {
  const given = names.filter((name) => name !== "");
  return [...new Set(given.map((name) => familiarReference(withDefaultTag(parseReference(name)))))];
}
