import type {
  CreateRepositoryCommandInput,
  EncryptionType,
  ImageTagMutability,
  Repository,
} from "@aws-sdk/client-ecr";
import type { Problem } from "../errors.js";
import type { Ecr } from "./client.js";
import { awsCode } from "./errors.js";
import { registry } from "./images.js";

/** A repository as ECR describes it (API reference, Repository). */
export interface RepositoryInfo {
  readonly name: string;
  readonly arn: string;
  readonly accountId: string;
  /** `123456789012.dkr.ecr.eu-west-1.amazonaws.com/app` */
  readonly uri: string;
  readonly immutable: boolean;
  /** `MUTABLE`, `IMMUTABLE`. */
  readonly mutability: string;
  readonly scanOnPush: boolean;
  /** `AES256`, `KMS`, or the ARN of its key. */
  readonly encryption: string;
}

/** What a repository should be like; what is left out is left as it is. */
export interface RepositorySettings {
  readonly mutability?: string | undefined;
  readonly scanOnPush?: boolean | undefined;
  /** `AES256`, `KMS`, or a KMS key's ARN; can only be chosen when a repository is made. */
  readonly encryption?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** JSON. */
  readonly policy?: string | undefined;
  /** JSON. */
  readonly lifecycle?: string | undefined;
}

/** A repository that is to be made or changed, and what it should be like. */
export interface RepositoryWish {
  readonly repository: string;
  readonly settings: RepositorySettings;
  readonly signal?: AbortSignal | undefined;
  /** Told what could not be done and is no reason to fail: the repository can be used without it. */
  readonly warn: (problem: Problem) => void;
}

type Named = Pick<RepositoryWish, "repository" | "signal">;

/** Undefined where there is no such repository. */
export async function findRepository(
  ecr: Ecr,
  { repository, signal }: Named,
): Promise<RepositoryInfo | undefined> {
  try {
    const answer = await ecr.call(
      { action: "DescribeRepositories", repository, signal },
      async (sdk, client, options) => {
        const input = { ...registry(ecr), repositoryNames: [repository] };
        return await client.send(new sdk.DescribeRepositoriesCommand(input), options);
      },
    );
    const [found] = answer.repositories ?? [];
    return found && infoOf(found);
  } catch (error) {
    if (awsCode(error) === "RepositoryNotFoundException") return undefined;
    throw error;
  }
}

/** Makes a repository, or finds the one that somebody else has made in the meantime.
 *  @throws DockerError `ecr/denied`, `ecr/invalid` */
export async function createRepository(ecr: Ecr, wish: RepositoryWish): Promise<RepositoryInfo> {
  const { repository, signal } = wish;
  try {
    const answer = await ecr.call(
      { action: "CreateRepository", repository, signal },
      async (sdk, client, options) =>
        await client.send(new sdk.CreateRepositoryCommand(createInput(ecr, wish)), options),
    );
    return infoOf(answer.repository ?? {});
  } catch (error) {
    if (awsCode(error) !== "RepositoryAlreadyExistsException") throw error;
    const found = await findRepository(ecr, wish);
    if (found) return found;
    throw error;
  }
}

function createInput(ecr: Ecr, { repository, settings }: RepositoryWish): CreateRepositoryCommandInput {
  const { mutability, scanOnPush, encryption, tags } = settings;
  return {
    ...registry(ecr),
    repositoryName: repository,
    ...(mutability && { imageTagMutability: mutability as ImageTagMutability }),
    ...(scanOnPush !== undefined && { imageScanningConfiguration: { scanOnPush } }),
    ...(encryption && { encryptionConfiguration: encryptionInput(encryption) }),
    ...(tags && { tags: tagList(tags) }),
  };
}

function encryptionInput(encryption: string): { encryptionType: EncryptionType; kmsKey?: string } {
  const type = /^(AES256|KMS|KMS_DSSE)$/.test(encryption);
  return type
    ? { encryptionType: encryption as EncryptionType }
    : { encryptionType: "KMS", kmsKey: encryption };
}

export function tagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function infoOf(found: Repository): RepositoryInfo {
  const mutability = found.imageTagMutability ?? "MUTABLE";
  return {
    name: found.repositoryName ?? "",
    arn: found.repositoryArn ?? "",
    accountId: found.registryId ?? "",
    uri: found.repositoryUri ?? "",
    immutable: mutability.startsWith("IMMUTABLE"),
    mutability,
    scanOnPush: found.imageScanningConfiguration?.scanOnPush ?? false,
    encryption:
      found.encryptionConfiguration?.kmsKey ?? found.encryptionConfiguration?.encryptionType ?? "AES256",
  };
}
