import { AwsError, holderOf, type Image, type Repository, type Store } from "./store.js";

/** The actions of ECR's control plane, in AWS's shapes (API reference "Amazon ECR", version 2015-09-21). */
export interface ActionContext {
  readonly store: Store;
  readonly region: string;
  /** `127.0.0.1:PORT`: the registry of the region. */
  readonly registry: string;
  readonly tokenSeconds: number;
}

type Payload = Readonly<Record<string, unknown>>;
type Action = (context: ActionContext, payload: Payload) => unknown;
interface ImageId {
  readonly imageDigest?: string;
  readonly imageTag?: string;
}

const NAME = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const seconds = (time: number): number => time / 1000;
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function named({ store, region }: ActionContext, payload: Payload): Repository {
  return store.find(region, text(payload["repositoryName"]) ?? "", text(payload["registryId"]));
}

function shown(repository: Repository, { registry }: ActionContext) {
  const { name, region, registryId } = repository;
  return {
    repositoryArn: `arn:aws:ecr:${region}:${registryId}:repository/${name}`,
    registryId,
    repositoryName: name,
    repositoryUri: `${registry}/${name}`,
    createdAt: seconds(repository.createdAt),
    imageTagMutability: repository.mutability,
    imageScanningConfiguration: { scanOnPush: repository.scanOnPush },
    encryptionConfiguration: repository.encryption,
  };
}

function getAuthorizationToken({ store, registry, tokenSeconds }: ActionContext) {
  const password = `tok:en-${crypto.randomUUID()}`;
  const expiresAt = Date.now() + tokenSeconds * 1000;
  store.tokens.set(password, expiresAt);
  const authorizationToken = Buffer.from(`AWS:${password}`).toString("base64");
  const data = { authorizationToken, expiresAt: seconds(expiresAt), proxyEndpoint: `http://${registry}` };
  return { authorizationData: [data] };
}

function createRepository(context: ActionContext, payload: Payload) {
  const { store, region } = context;
  const name = text(payload["repositoryName"]) ?? "";
  if (!NAME.test(name) || name.length < 2)
    throw new AwsError(
      "InvalidParameterException",
      `Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '${NAME.source}''`,
    );
  if (store.repositories.has(`${region}/${name}`))
    throw new AwsError(
      "RepositoryAlreadyExistsException",
      `The repository with name '${name}' already exists in the registry with id '${store.accountId}'`,
    );
  const scanning = payload["imageScanningConfiguration"] as { scanOnPush?: boolean } | undefined;
  const repository: Repository = {
    name,
    region,
    registryId: store.accountId,
    createdAt: Date.now(),
    mutability: text(payload["imageTagMutability"]) ?? "MUTABLE",
    scanOnPush: scanning?.scanOnPush ?? false,
    encryption: (payload["encryptionConfiguration"] as Repository["encryption"] | undefined) ?? {
      encryptionType: "AES256",
    },
    tags: tagsOf(payload["tags"]),
    policy: undefined,
    lifecycle: undefined,
    images: new Map(),
  };
  store.repositories.set(`${region}/${name}`, repository);
  return { repository: shown(repository, context) };
}

function tagsOf(tags: unknown): Map<string, string> {
  return new Map(((tags ?? []) as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]));
}

function describeRepositories(context: ActionContext, payload: Payload) {
  const names = payload["repositoryNames"] as string[] | undefined;
  const here = [...context.store.repositories.values()].filter(({ region }) => region === context.region);
  const found = names ? names.map((repositoryName) => named(context, { ...payload, repositoryName })) : here;
  return { repositories: found.map((repository) => shown(repository, context)) };
}

function byId(repository: Repository, id: ImageId): Image | undefined {
  const image = holderOf(repository, id.imageDigest ?? id.imageTag ?? "");
  return image && (!id.imageTag || image.tags.has(id.imageTag)) ? image : undefined;
}

function missing(repository: Repository, id: ImageId): AwsError {
  const shownId = `{imageDigest:'${id.imageDigest ?? "null"}', imageTag:'${id.imageTag ?? "null"}'}`;
  return new AwsError(
    "ImageNotFoundException",
    `The image with imageId ${shownId} does not exist within the repository with name '${repository.name}' in the registry with id '${repository.registryId}'`,
  );
}

function describeImages(context: ActionContext, payload: Payload) {
  const repository = named(context, payload);
  const ids = payload["imageIds"] as ImageId[] | undefined;
  const images = ids
    ? ids.map((id) => {
        const image = byId(repository, id);
        if (!image) throw missing(repository, id);
        return image;
      })
    : [...repository.images.values()];
  return {
    imageDetails: [...new Set(images)].map((image) => ({
      registryId: repository.registryId,
      repositoryName: repository.name,
      imageDigest: image.digest,
      imageTags: [...image.tags],
      imageSizeInBytes: image.size,
      imagePushedAt: seconds(image.pushedAt),
      imageManifestMediaType: image.mediaType,
    })),
  };
}

function batchGetImage(context: ActionContext, payload: Payload) {
  const repository = named(context, payload);
  const images: unknown[] = [];
  const failures: unknown[] = [];
  for (const imageId of payload["imageIds"] as ImageId[]) {
    const image = byId(repository, imageId);
    if (image)
      images.push({
        registryId: repository.registryId,
        repositoryName: repository.name,
        imageId: { imageDigest: image.digest, ...(imageId.imageTag && { imageTag: imageId.imageTag }) },
        imageManifest: image.manifest,
        imageManifestMediaType: image.mediaType,
      });
    else failures.push({ imageId, failureCode: "ImageNotFound", failureReason: "Requested image not found" });
  }
  return { images, failures };
}

function listImages(context: ActionContext, payload: Payload) {
  const images = [...named(context, payload).images.values()];
  const imageIds = images.flatMap(({ digest, tags }) =>
    tags.size === 0
      ? [{ imageDigest: digest }]
      : [...tags].map((imageTag) => ({ imageDigest: digest, imageTag })),
  );
  return { imageIds };
}

/** By tag the tag goes (and the image with its last tag); by digest the image goes. */
function batchDeleteImage(context: ActionContext, payload: Payload) {
  const repository = named(context, payload);
  const imageIds: ImageId[] = [];
  const failures: unknown[] = [];
  for (const imageId of payload["imageIds"] as ImageId[]) {
    const image = byId(repository, imageId);
    if (!image) {
      failures.push({ imageId, failureCode: "ImageNotFound", failureReason: "Requested image not found" });
      continue;
    }
    if (imageId.imageTag) image.tags.delete(imageId.imageTag);
    if (!imageId.imageTag || image.tags.size === 0) repository.images.delete(image.digest);
    imageIds.push({ ...imageId, imageDigest: image.digest });
  }
  return { imageIds, failures };
}

function tagResource({ store }: ActionContext, payload: Payload) {
  const [, region, , name] =
    /^arn:aws:ecr:([^:]+):(\d+):repository\/(.+)$/.exec(String(payload["resourceArn"])) ?? [];
  const repository = store.find(region ?? "", name ?? "");
  for (const [key, value] of tagsOf(payload["tags"])) repository.tags.set(key, value);
  return {};
}

export const actions: Readonly<Record<string, Action>> = {
  GetAuthorizationToken: getAuthorizationToken,
  CreateRepository: createRepository,
  DescribeRepositories: describeRepositories,
  DescribeImages: describeImages,
  BatchGetImage: batchGetImage,
  ListImages: listImages,
  BatchDeleteImage: batchDeleteImage,
  TagResource: tagResource,
  ListTagsForResource({ store }, payload) {
    const [, region, name] =
      /^arn:aws:ecr:([^:]+):\d+:repository\/(.+)$/.exec(String(payload["resourceArn"])) ?? [];
    const { tags } = store.find(region ?? "", name ?? "");
    return { tags: [...tags].map(([Key, Value]) => ({ Key, Value })) };
  },
  PutImageTagMutability(context, payload) {
    const repository = named(context, payload);
    repository.mutability = String(payload["imageTagMutability"]);
    return { repositoryName: repository.name, imageTagMutability: repository.mutability };
  },
  PutImageScanningConfiguration(context, payload) {
    const repository = named(context, payload);
    repository.scanOnPush = (payload["imageScanningConfiguration"] as { scanOnPush: boolean }).scanOnPush;
    return { repositoryName: repository.name };
  },
  SetRepositoryPolicy(context, payload) {
    const repository = named(context, payload);
    repository.policy = String(payload["policyText"]);
    return { repositoryName: repository.name, policyText: repository.policy };
  },
  PutLifecyclePolicy(context, payload) {
    const repository = named(context, payload);
    repository.lifecycle = String(payload["lifecyclePolicyText"]);
    return { repositoryName: repository.name, lifecyclePolicyText: repository.lifecycle };
  },
};
