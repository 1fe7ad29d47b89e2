import { DockerError, systemCode, type Problem } from "../errors.js";

/** What was being asked of AWS, for the words of an error. */
export interface Asked {
  /** `CreateRepository`: also the name of the permission that it takes. */
  readonly action: string;
  readonly region: string;
  readonly repository?: string;
  readonly endpoint?: string | undefined;
}

/** Everything that the SDK throws, as what a user can mend. The decision is AWS's error code (`name`), never a text.
 *  An abort passes unchanged. */
export function ecrError(error: unknown, asked: Asked): unknown {
  if (error instanceof DockerError || nameOf(error) === "AbortError") return error;
  return new DockerError(problemOf(error, asked), { cause: error });
}

/** AWS's code of an error: `RepositoryNotFoundException`; of the cause where it has been translated already. */
export function awsCode(error: unknown): string {
  return nameOf(error instanceof DockerError ? error.cause : error);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

type Explain = (asked: Asked, error: Error) => Problem;

const noCredentials: Explain = () => ({
  code: "ecr/no-credentials",
  message: "no AWS credentials were found",
  help: [
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is given (SSO, a CI's web identity, an instance profile)",
    'or set the options "profile", or "access-key-id" and "secret-access-key"',
  ],
});

/** AWS's own message is left out: it may repeat the request's headers, and with them a session token. */
const badCredentials: Explain = ({ action, region }, { name }) => ({
  code: "ecr/bad-credentials",
  message: `AWS does not accept the credentials (${name} from ${action} in ${region})`,
  help: ["check the access key, the secret key and, for temporary keys, the session token"],
});

const expired: Explain = () => ({
  code: "ecr/credentials-expired",
  message: "the AWS credentials have expired",
  help: ["get new ones: aws sso login, a new session token, or a new run of the CI job"],
});

const denied: Explain = (asked, error) => ({
  code: "ecr/denied",
  message: `AWS denies ${serviceOf(asked)}:${asked.action}${onRepository(asked)} in ${asked.region}`,
  notes: [error.message],
  help: [deniedHelp(asked)],
});

const throttled: Explain = ({ action, region }, error) => ({
  code: "ecr/throttled",
  message: `ECR in ${region} still throttles ${action} after ${attemptsOf(error)} attempts`,
  help: ["run fewer parts at once (-j), or try again later"],
});

const unreachable: Explain = ({ region, endpoint }, error) => ({
  code: "ecr/unreachable",
  message: `ECR in region ${region} cannot be reached${endpoint ? ` at ${endpoint}` : ""}`,
  notes: [error.message],
  help: [
    endpoint
      ? 'check "endpoint-url" or AWS_ENDPOINT_URL_ECR'
      : `check that "${region}" is a region of AWS, and this machine's network`,
  ],
});

const noRepository: Explain = ({ repository = "", region }) => ({
  code: "ecr/no-repository",
  message: `ECR in ${region} has no repository "${repository}"`,
  help: ['create it, or say "create-repository = true"'],
});

const badName: Explain = (asked, error) => ({
  code: "ecr/invalid",
  message: `ECR in ${asked.region} refuses ${asked.action}${onRepository(asked)}`,
  notes: [error.message],
});

const noRegion: Explain = () => ({
  code: "ecr/no-region",
  message: "it is not said which AWS region is meant",
  help: ['set the option "region", AWS_REGION, or a region in the AWS profile'],
});

/** Thrown by `Ecr` itself before anything is asked. */
export const NO_REGION = "RegionMissing";

const EXPLAIN: Readonly<Record<string, Explain>> = {
  [NO_REGION]: noRegion,
  CredentialsProviderError: noCredentials,
  TokenProviderError: noCredentials,
  UnrecognizedClientException: badCredentials,
  InvalidClientTokenId: badCredentials,
  InvalidSignatureException: badCredentials,
  SignatureDoesNotMatch: badCredentials,
  IncompleteSignature: badCredentials,
  ExpiredTokenException: expired,
  ExpiredToken: expired,
  RequestExpired: expired,
  AccessDeniedException: denied,
  AccessDenied: denied,
  ThrottlingException: throttled,
  Throttling: throttled,
  TooManyRequestsException: throttled,
  RequestLimitExceeded: throttled,
  RepositoryNotFoundException: noRepository,
  InvalidParameterException: badName,
  ValidationException: badName,
  TimeoutError: unreachable,
};

function problemOf(thrown: unknown, asked: Asked): Problem {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const explain = EXPLAIN[error.name] ?? (systemCode(error) ? unreachable : undefined);
  if (explain) return explain(asked, error);
  return {
    code: "ecr/failed",
    message: `${asked.action}${onRepository(asked)} failed in ${asked.region}: ${error.name}`,
    notes: [error.message],
  };
}

function onRepository({ repository }: Asked): string {
  return repository === undefined ? "" : ` on repository "${repository}"`;
}

function serviceOf({ action }: Asked): string {
  return action === "AssumeRole" ? "sts" : "ecr";
}

function deniedHelp({ action, repository }: Asked): string {
  if (action === "CreateRepository")
    return `allow ecr:CreateRepository, or create the repository "${repository ?? ""}" and say "create-repository = false"`;
  return `allow ${action === "AssumeRole" ? "sts" : "ecr"}:${action} to the user or role whose credentials these are`;
}

function attemptsOf(error: Error): number {
  const { $metadata } = error as Error & { $metadata?: { attempts?: number } };
  return $metadata?.attempts ?? 1;
}
