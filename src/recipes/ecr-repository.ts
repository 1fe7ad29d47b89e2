import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  applySettings,
  createRepository,
  expireAfter,
  findRepository,
  type Ecr,
  type RepositoryInfo,
  type RepositorySettings,
} from "tsbuildout/docker";
import {
  option,
  OptionValueError,
  RecipeError,
  type Context,
  type OptionsOf,
  type Problem,
} from "tsbuildout/recipe";
import { codeOf } from "./registry-push.js";

/** The options that say what a repository in ECR should be like; all of them are applied in place. */
export const repositoryOptions = {
  "create-repository": option.boolean({
    doc: "Create the repository where it does not exist.",
    default: "true",
    inPlace: true,
  }),
  "image-tag-mutability": option.custom("mutability", parseMutability, {
    doc: "`MUTABLE` or `IMMUTABLE`: whether a tag may move to another image. Left as it is unless said.",
    inPlace: true,
  }),
  "scan-on-push": option.custom("boolean", (text) => option.boolean({ doc: "" }).decode(text, NOWHERE), {
    doc: "Whether images are scanned as they are pushed. Left as it is unless said.",
    inPlace: true,
  }),
  encryption: option.custom("encryption", parseEncryption, {
    doc: "`AES256`, `KMS`, or the ARN of a KMS key. Counts only when the repository is created.",
    inPlace: true,
  }),
  "repository-tags": option.pairs({ doc: "Tags of the repository, `KEY=VALUE` a line.", inPlace: true }),
  "repository-policy": option.string({
    doc: "Permissions policy of the repository: JSON, or the path of a JSON file.",
    inPlace: true,
  }),
  "lifecycle-policy": option.string({
    doc: "Lifecycle policy of the repository: JSON, or the path of a JSON file.",
    inPlace: true,
  }),
  "max-age-days": option.integer({
    doc: "Instead of `lifecycle-policy`: images expire so many days after their push.",
    inPlace: true,
  }),
};

const NOWHERE = { directory: "/", home: "/" };

function parseMutability(text: string): string {
  const upper = text.toUpperCase();
  if (upper === "MUTABLE" || upper === "IMMUTABLE") return upper;
  throw new OptionValueError(`"${text}" is neither MUTABLE nor IMMUTABLE`, ["write MUTABLE or IMMUTABLE"]);
}

function parseEncryption(text: string): string {
  if (/^(aes256|kms|kms_dsse)$/i.test(text)) return text.toUpperCase();
  if (/^arn:[\w-]+:kms:/.test(text)) return text;
  throw new OptionValueError(`"${text}" is not an encryption of ECR`, [
    "write AES256, KMS, or the ARN of a KMS key",
  ]);
}

export type RepositoryValues = OptionsOf<typeof repositoryOptions>;

/** The settings that the options ask for. @throws a problem where a policy is not JSON or its file is missing */
export async function settingsOf(
  context: Context,
  values: Partial<RepositoryValues>,
): Promise<RepositorySettings> {
  const days = values["max-age-days"];
  if (days !== undefined && values["lifecycle-policy"])
    throw refused("max-age-days", "max-age-days and lifecycle-policy both say when images expire");
  if (days !== undefined && days < 1)
    throw refused("max-age-days", "images cannot expire before a day has passed");
  const tags = Object.fromEntries(
    (values["repository-tags"] ?? []).map(([key, value]) => [key, value ?? ""]),
  );
  return {
    mutability: values["image-tag-mutability"],
    scanOnPush: values["scan-on-push"],
    encryption: values.encryption,
    ...(Object.keys(tags).length > 0 && { tags }),
    policy: await policyOf(context, "repository-policy", values["repository-policy"]),
    lifecycle:
      days === undefined
        ? await policyOf(context, "lifecycle-policy", values["lifecycle-policy"])
        : expireAfter(days),
  };
}

async function policyOf(
  context: Context,
  name: string,
  text: string | undefined,
): Promise<string | undefined> {
  if (!text) return undefined;
  const policy = text.trimStart().startsWith("{") ? text : await policyFile(context, name, text);
  try {
    JSON.parse(policy);
    return policy;
  } catch (error) {
    throw refused(name, `${name} is not JSON: ${(error as Error).message}`);
  }
}

async function policyFile(context: Context, name: string, path: string): Promise<string> {
  try {
    return await readFile(resolve(context.buildout.directory, path), "utf8");
  } catch (error) {
    throw refused(name, `${name}: cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? "error"})`);
  }
}

function refused(option: string, message: string): RecipeError {
  return new RecipeError({ code: "option/value", message, option });
}

export interface EnsureRepository {
  readonly repository: string;
  readonly create: boolean;
  readonly settings: RepositorySettings;
}

/** The repository, made or brought in line. Undefined where the credentials may not look: a push will show whether it
 *  is there. @throws a problem `ecr/no-repository`, `ecr/denied`, … */
export async function ensureRepository(
  context: Context,
  ecr: Ecr,
  wish: EnsureRepository,
): Promise<RepositoryInfo | undefined> {
  const { repository, settings } = wish;
  const call = {
    repository,
    settings,
    signal: context.signal,
    warn: (problem: Problem) => context.warn(problem),
  };
  const found = await lookFor(context, ecr, repository);
  if (found === "unknown") return undefined;
  if (!found && !wish.create)
    throw new RecipeError({
      code: "ecr/no-repository",
      message: `ECR in ${ecr.region} has no repository "${repository}"`,
      help: ['create it, or say "create-repository = true"'],
      option: "repository",
    });
  const info = found ?? (await createRepository(ecr, call));
  if (!found) context.log(`created repository ${info.uri}`, "note");
  // A repository is made with everything but its policies.
  const rest = found ? settings : { policy: settings.policy, lifecycle: settings.lifecycle };
  await applySettings(ecr, info, { ...call, settings: rest });
  return { ...info, ...(settings.mutability && { immutable: settings.mutability === "IMMUTABLE" }) };
}

async function lookFor(
  context: Context,
  ecr: Ecr,
  repository: string,
): Promise<RepositoryInfo | "unknown" | undefined> {
  try {
    return await findRepository(ecr, { repository, signal: context.signal });
  } catch (error) {
    if (!isDenied(error)) throw error;
    context.log(
      `ecr:DescribeRepositories is denied: taking "${repository}" for an existing repository`,
      "note",
    );
    return "unknown";
  }
}

export function isDenied(error: unknown): boolean {
  return codeOf(error) === "ecr/denied";
}
