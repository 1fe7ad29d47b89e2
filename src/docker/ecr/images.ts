import type { ImageIdentifier } from "@aws-sdk/client-ecr";
import type { Ecr } from "./client.js";
import { awsCode } from "./errors.js";

/** What stands under one tag of a repository. */
export interface RemoteImage {
  readonly digest: string;
  /** Of the image's configuration: what Docker calls the image's id. Unknown for an index. */
  readonly configDigest: string | undefined;
}

/** Tags of one repository in ECR, by its name in the registry: `team/app`. */
export interface RepositoryTags {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const MEDIA_TYPES = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
];

/** What a repository holds under these tags, in one request for a hundred of them; a tag that is not there is not
 *  in the answer. Undefined where there is no such repository. (API reference, BatchGetImage.)
 *  @throws DockerError `ecr/denied`, … */
export async function imagesByTag(
  ecr: Ecr,
  wish: RepositoryTags,
): Promise<Map<string, RemoteImage> | undefined> {
  const found = new Map<string, RemoteImage>();
  try {
    for (const tags of hundreds(wish.tags))
      for (const [tag, image] of await batchGet(ecr, { ...wish, tags })) found.set(tag, image);
    return found;
  } catch (error) {
    if (awsCode(error) === "RepositoryNotFoundException") return undefined;
    if (UNKNOWN.has(awsCode(error))) return await described(ecr, wish);
    throw error;
  }
}

/** What an emulator says of an action that it does not have. */
const UNKNOWN = new Set([
  "UnknownOperationException",
  "UnsupportedOperationException",
  "NotImplementedException",
]);

/** The same, one request a tag; of what an image's configuration is, nothing is told. (API reference, DescribeImages.) */
async function described(ecr: Ecr, wish: RepositoryTags): Promise<Map<string, RemoteImage> | undefined> {
  const { repository, signal } = wish;
  const found = new Map<string, RemoteImage>();
  for (const imageTag of wish.tags)
    try {
      const input = { ...registry(ecr), repositoryName: repository, imageIds: [{ imageTag }] };
      const doing = { action: "DescribeImages", repository, signal };
      const answer = await ecr.call(
        doing,
        async (sdk, client, options) => await client.send(new sdk.DescribeImagesCommand(input), options),
      );
      const digest = answer.imageDetails?.[0]?.imageDigest;
      if (digest) found.set(imageTag, { digest, configDigest: undefined });
    } catch (error) {
      if (awsCode(error) === "RepositoryNotFoundException") return undefined;
      if (awsCode(error) !== "ImageNotFoundException") throw error;
    }
  return found;
}

async function batchGet(ecr: Ecr, wish: RepositoryTags): Promise<[string, RemoteImage][]> {
  const { repository, tags, signal } = wish;
  const answer = await ecr.call(
    { action: "BatchGetImage", repository, signal },
    async (sdk, client, options) => {
      const imageIds = tags.map((imageTag) => ({ imageTag }));
      const input = {
        ...registry(ecr),
        repositoryName: repository,
        imageIds,
        acceptedMediaTypes: MEDIA_TYPES,
      };
      return await client.send(new sdk.BatchGetImageCommand(input), options);
    },
  );
  return (answer.images ?? []).flatMap(({ imageId, imageManifest }): [string, RemoteImage][] => {
    const { imageTag, imageDigest } = imageId ?? {};
    return imageTag && imageDigest
      ? [[imageTag, { digest: imageDigest, configDigest: configDigestOf(imageManifest) }]]
      : [];
  });
}

function configDigestOf(manifest: string | undefined): string | undefined {
  try {
    const { config } = JSON.parse(manifest ?? "{}") as { config?: { digest?: string } };
    return config?.digest;
  } catch {
    return undefined;
  }
}

/** Takes tags away; an image goes with its last tag. What is gone already is no error.
 *  @returns the tags that could not be taken away, with the reason */
export async function removeTags(ecr: Ecr, wish: RepositoryTags): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (const tags of hundreds(wish.tags))
    for (const { id, reason } of await batchDelete(ecr, { ...wish, tags }))
      failed.set(id?.imageTag ?? "", reason);
  return failed;
}

async function batchDelete(
  ecr: Ecr,
  wish: RepositoryTags,
): Promise<{ id?: ImageIdentifier; reason: string }[]> {
  const { repository, tags, signal } = wish;
  try {
    const answer = await ecr.call(
      { action: "BatchDeleteImage", repository, signal },
      async (sdk, client, options) => {
        const imageIds = tags.map((imageTag) => ({ imageTag }));
        const input = { ...registry(ecr), repositoryName: repository, imageIds };
        return await client.send(new sdk.BatchDeleteImageCommand(input), options);
      },
    );
    return (answer.failures ?? [])
      .filter(({ failureCode }) => failureCode !== "ImageNotFound")
      .map(({ imageId, failureReason = "no reason given" }) => ({
        ...(imageId && { id: imageId }),
        reason: failureReason,
      }));
  } catch (error) {
    if (awsCode(error) === "RepositoryNotFoundException") return [];
    throw error;
  }
}

export function registry({ accountId }: Ecr): { registryId?: string } {
  return accountId ? { registryId: accountId } : {};
}

function hundreds<T>(items: readonly T[]): T[][] {
  const pages: T[][] = [];
  for (let at = 0; at < items.length; at += 100) pages.push(items.slice(at, at + 100));
  return pages;
}
