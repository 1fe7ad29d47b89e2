import { isRegion, type AccessKeys, type EcrAccess } from "tsbuildout/docker";
import { option, OptionValueError, RecipeError, type Context, type PartRecord } from "tsbuildout/recipe";

/** The options that say which account's ECR is meant and with which credentials; docker.ecr-push and docker.images
 *  have them all. */
export const accessOptions = {
  region: option.custom("regions", parseRegions, {
    doc: "AWS region; several, separated by blanks, to publish in each of them. Default: AWS_REGION, or the profile's.",
    aliases: ["region_name", "regions"],
    inPlace: true,
  }),
  "account-id": option.custom("account", parseAccount, {
    doc: "Account that the registry belongs to, 12 digits. Default: the account of the credentials.",
    aliases: ["registry-id"],
    inPlace: true,
  }),
  profile: option.string({
    doc: "Profile of `~/.aws/config` and `~/.aws/credentials`. Default: the whole default chain of the AWS SDK: environment, profile, SSO, web identity, container, instance.",
    inPlace: true,
  }),
  "access-key-id": option.string({
    doc: "Access key, with `secret-access-key`. Better kept out of the file: `$<env:NAME>`.",
    secret: true,
    aliases: ["aws_access_key_id"],
    inPlace: true,
  }),
  "secret-access-key": option.string({
    doc: "Secret part of the access key.",
    secret: true,
    aliases: ["aws_secret_access_key"],
    inPlace: true,
  }),
  "session-token": option.string({
    doc: "Session token of temporary keys.",
    secret: true,
    aliases: ["aws_session_token"],
    inPlace: true,
  }),
  "role-arn": option.string({ doc: "ARN of a role that the credentials assume first.", inPlace: true }),
  "endpoint-url": option.string({
    doc: "URL of ECR's control plane where it is not AWS's own: a VPC endpoint, an emulator. Default: AWS_ENDPOINT_URL_ECR.",
    inPlace: true,
  }),
};

function parseRegions(text: string): readonly string[] {
  const regions = text.split(/[\s,]+/).filter(Boolean);
  for (const region of regions)
    if (!isRegion(region))
      throw new OptionValueError(`"${region}" is not a region of AWS`, [
        "regions are named like us-east-1, eu-central-1, ap-southeast-2",
      ]);
  return [...new Set(regions)];
}

function parseAccount(text: string): string {
  if (/^\d{12}$/.test(text)) return text;
  throw new OptionValueError(`"${text}" is not the number of an AWS account`, ["it has 12 digits"]);
}

/** What the options say, as decoded; parts of them may be unknown. */
export interface AccessValues {
  readonly "account-id"?: string | undefined;
  readonly profile?: string | undefined;
  readonly "access-key-id"?: string | undefined;
  readonly "secret-access-key"?: string | undefined;
  readonly "session-token"?: string | undefined;
  readonly "role-arn"?: string | undefined;
  readonly "endpoint-url"?: string | undefined;
}

/** The access to a region's registry; without a region that of the environment. */
export function accessOf(values: AccessValues, region: string | undefined): EcrAccess {
  const keys = keysOf(values);
  return {
    ...(region && { region }),
    ...(values["account-id"] && { accountId: values["account-id"] }),
    ...(values.profile && { profile: values.profile }),
    ...(values["role-arn"] && { roleArn: values["role-arn"] }),
    ...(values["endpoint-url"] && { endpoint: values["endpoint-url"] }),
    ...(keys && { keys }),
  };
}

function keysOf(values: AccessValues): AccessKeys | undefined {
  const {
    "access-key-id": accessKeyId,
    "secret-access-key": secretAccessKey,
    "session-token": sessionToken,
  } = values;
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

type Remembered = Map<string, AccessKeys>;

/** Keys that stand in the file are recorded only as hashes. What works from a record finds them here, as long as the
 *  part is still in the file. */
const remembered = async (context: Omit<Context, "part">): Promise<Remembered> =>
  await context.shared("aws access keys of parts", (): Remembered => new Map());

export async function rememberKeys(context: Context, values: AccessValues): Promise<void> {
  const keys = keysOf(values);
  if (keys) (await remembered(context)).set(context.part, keys);
}

/** The access of a recorded part: its keys from the file, if it is still there, else the default chain.
 *  @throws a problem `ecr/no-credentials` where its keys stood in the file, and nobody knows them now */
export async function accessOfRecord(
  context: Omit<Context, "part">,
  record: PartRecord,
  region: string,
): Promise<EcrAccess> {
  const keys = (await remembered(context)).get(record.part);
  const { options } = record;
  const { env } = context;
  if (options["access-key-id"] && !keys && !env["AWS_ACCESS_KEY_ID"] && !env["AWS_PROFILE"])
    throw new RecipeError({
      code: "ecr/no-credentials",
      message: `the AWS keys with which ${record.part} was published stood in the buildout file: secrets are not recorded, and without keys its tags are out of reach`,
      notes: [
        `${record.outputs["repository-uris"]?.split("\n").join(", ") ?? ""}: ${record.outputs["tags"] ?? ""}`,
      ],
      help: [
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for temporary keys AWS_SESSION_TOKEN, too) or AWS_PROFILE, and run this again",
        "or leave the tags where they are: say keep = true, run install, then uninstall",
      ],
    });
  const values = {
    "account-id": options["account-id"],
    profile: options["profile"],
    "role-arn": options["role-arn"],
    "endpoint-url": options["endpoint-url"],
  };
  return { ...accessOf(values, region), ...(keys && { keys }) };
}

/** Keys come in pairs, and not beside a profile: which of the two is meant could only be guessed. */
export function accessFault(
  values: AccessValues,
): { readonly option: keyof AccessValues; readonly message: string } | undefined {
  const { profile, "access-key-id": id, "secret-access-key": secret, "session-token": token } = values;
  if (id && !secret)
    return { option: "access-key-id", message: "there is an access-key-id but no secret-access-key" };
  if (secret && !id)
    return { option: "secret-access-key", message: "there is a secret-access-key but no access-key-id" };
  if (token && !id)
    return { option: "session-token", message: "there is a session-token but no access-key-id" };
  if (profile && id)
    return { option: "profile", message: "profile and access-key-id both say which credentials to use" };
  return undefined;
}
