import { createHash } from "node:crypto";

/** What the control plane and the registry both know: repositories, their images, and the tokens handed out. */
export interface Image {
  readonly digest: string;
  readonly manifest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly pushedAt: number;
  readonly tags: Set<string>;
}

export interface Repository {
  readonly name: string;
  readonly region: string;
  readonly registryId: string;
  readonly createdAt: number;
  mutability: string;
  scanOnPush: boolean;
  encryption: { encryptionType: string; kmsKey?: string };
  tags: Map<string, string>;
  policy: string | undefined;
  lifecycle: string | undefined;
  readonly images: Map<string, Image>;
}

/** An error in AWS's words; `status` is the HTTP status that the JSON protocol gives it. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export class Store {
  readonly accountId: string;
  readonly repositories = new Map<string, Repository>();
  /** Password of a token -> when it ends (milliseconds). */
  readonly tokens = new Map<string, number>();

  constructor(accountId: string) {
    this.accountId = accountId;
  }

  find(region: string, name: string, registryId = this.accountId): Repository {
    const repository = this.repositories.get(`${region}/${name}`);
    if (!repository || registryId !== this.accountId)
      throw new AwsError(
        "RepositoryNotFoundException",
        `The repository with name '${name}' does not exist in the registry with id '${registryId}'`,
      );
    return repository;
  }

  /** Throws what ECR answers where a PUT would move an immutable tag. */
  check(repository: Repository, reference: string, manifest: Buffer): void {
    const holder = holderOf(repository, reference);
    if (holder && holder.digest !== digestOf(manifest) && repository.mutability === "IMMUTABLE")
      throw new AwsError(
        "TAG_INVALID",
        `The image tag '${reference}' already exists in the '${repository.name}' repository and cannot be overwritten because the tag is immutable.`,
      );
  }

  /** A manifest has been put: its tag moves. */
  put(repository: Repository, reference: string, manifest: Buffer, mediaType: string): Image {
    const digest = digestOf(manifest);
    const holder = holderOf(repository, reference);
    const image = repository.images.get(digest) ?? {
      digest,
      manifest: manifest.toString(),
      mediaType,
      size: manifest.length,
      pushedAt: Date.now(),
      tags: new Set<string>(),
    };
    repository.images.set(digest, image);
    if (!reference.startsWith("sha256:")) {
      holder?.tags.delete(reference);
      image.tags.add(reference);
    }
    return image;
  }
}

const digestOf = (manifest: Buffer): string =>
  `sha256:${createHash("sha256").update(manifest).digest("hex")}`;

/** The image that a tag or a digest stands for. */
export function holderOf(repository: Repository, reference: string): Image | undefined {
  return reference.startsWith("sha256:")
    ? repository.images.get(reference)
    : [...repository.images.values()].find((image) => image.tags.has(reference));
}
