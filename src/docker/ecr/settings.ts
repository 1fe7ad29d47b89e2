import type { ImageTagMutability } from "@aws-sdk/client-ecr";
import { DockerError, type Problem } from "../errors.js";
import type { Ecr } from "./client.js";
import { registry } from "./images.js";
import { tagList, type RepositoryInfo, type RepositorySettings, type RepositoryWish } from "./repository.js";

type Send = Parameters<Ecr["call"]>[1];
interface Setting {
  readonly action: string;
  /** Whether the repository can be used without it: then a refusal is a warning. Mutability and the policy decide
   *  who may change what, so that doing without is no choice. */
  readonly tolerant: boolean;
  /** Undefined where nothing is asked for or nothing differs. */
  readonly send: (
    info: RepositoryInfo,
    settings: RepositorySettings,
    registry: { registryId?: string },
  ) => Send | undefined;
}

const SETTINGS: readonly Setting[] = [
  {
    action: "PutImageTagMutability",
    tolerant: false,
    send: ({ name: repositoryName, mutability }, wish, registry) => {
      const imageTagMutability = wish.mutability as ImageTagMutability | undefined;
      if (!imageTagMutability || imageTagMutability === mutability) return undefined;
      const input = { ...registry, repositoryName, imageTagMutability };
      return async (sdk, client, options) =>
        await client.send(new sdk.PutImageTagMutabilityCommand(input), options);
    },
  },
  {
    action: "SetRepositoryPolicy",
    tolerant: false,
    send: ({ name: repositoryName }, { policy: policyText }, registry) => {
      if (!policyText) return undefined;
      const input = { ...registry, repositoryName, policyText };
      return async (sdk, client, options) =>
        await client.send(new sdk.SetRepositoryPolicyCommand(input), options);
    },
  },
  {
    action: "PutImageScanningConfiguration",
    tolerant: true,
    send: ({ name: repositoryName, scanOnPush: now }, { scanOnPush }, registry) => {
      if (scanOnPush === undefined || scanOnPush === now) return undefined;
      const input = { ...registry, repositoryName, imageScanningConfiguration: { scanOnPush } };
      return async (sdk, client, options) =>
        await client.send(new sdk.PutImageScanningConfigurationCommand(input), options);
    },
  },
  {
    action: "TagResource",
    tolerant: true,
    send: ({ arn: resourceArn }, { tags = {} }) => {
      if (Object.keys(tags).length === 0) return undefined;
      const input = { resourceArn, tags: tagList(tags) };
      return async (sdk, client, options) => await client.send(new sdk.TagResourceCommand(input), options);
    },
  },
  {
    action: "PutLifecyclePolicy",
    tolerant: true,
    send: ({ name: repositoryName }, { lifecycle: lifecyclePolicyText }, registry) => {
      if (!lifecyclePolicyText) return undefined;
      const input = { ...registry, repositoryName, lifecyclePolicyText };
      return async (sdk, client, options) =>
        await client.send(new sdk.PutLifecyclePolicyCommand(input), options);
    },
  },
];

/** Brings a repository's settings in line where they differ.
 *  @throws DockerError `ecr/denied`, … where mutability or the policy cannot be set */
export async function applySettings(ecr: Ecr, info: RepositoryInfo, wish: RepositoryWish): Promise<void> {
  for (const { action, tolerant, send } of SETTINGS) {
    const sending = send(info, wish.settings, registry(ecr));
    if (!sending) continue;
    const call = ecr.call({ action, repository: info.name, signal: wish.signal }, sending);
    await (tolerant ? tolerated(call, wish.warn) : call);
  }
  const { encryption } = wish.settings;
  if (encryption && !sameEncryption(encryption, info.encryption))
    wish.warn({
      code: "ecr/encryption",
      message: `repository "${info.name}" is encrypted with ${info.encryption}, and ECR cannot change that`,
      help: ["make a new repository where another encryption is needed"],
      option: "encryption",
    });
}

function sameEncryption(wish: string, have: string): boolean {
  // AWS answers KMS without a key with the ARN of its own key.
  return wish === have || (wish.startsWith("KMS") && have.startsWith("arn:"));
}

async function tolerated(call: Promise<unknown>, warn: (problem: Problem) => void): Promise<void> {
  try {
    await call;
  } catch (error) {
    const code = error instanceof DockerError ? error.problem.code : "";
    if (!["ecr/denied", "ecr/invalid", "ecr/failed"].includes(code)) throw error;
    warn((error as DockerError).problem);
  }
}

/** A lifecycle policy that expires images so many days after their push. */
export function expireAfter(days: number): string {
  const selection = { tagStatus: "any", countType: "sinceImagePushed", countUnit: "days", countNumber: days };
  const description = `expire images ${days} days after their push`;
  return JSON.stringify({ rules: [{ rulePriority: 1, description, selection, action: { type: "expire" } }] });
}
