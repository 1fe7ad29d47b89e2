import { readTarFile, type ReadTarHow } from "./archive-file.js";
import { DockerError } from "./errors.js";
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
  const manifest = await readTarFile(path, ["manifest.json"], how);
  if (manifest) {
    const images = JSON.parse(manifest.toString()) as readonly ArchiveImage[];
    return unique(images.flatMap(({ RepoTags }) => RepoTags ?? []));
  }
  const index = await readTarFile(path, ["index.json"], how);
  if (!index) {
    throw new DockerError({
      code: "image/not-archive",
      message: `${path} is not an archive of images, as docker save writes them`,
      notes: ["it has neither manifest.json nor index.json"],
      option: "file",
    });
  }
  const { manifests = [] } = JSON.parse(index.toString()) as OciIndex;
  return unique(manifests.flatMap(({ annotations }) => annotations?.["io.containerd.image.name"] ?? []));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => familiarReference(withDefaultTag(parseReference(name)))))];
}
