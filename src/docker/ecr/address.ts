/** What the host of an ECR registry says of itself. */
export interface EcrHost {
  readonly accountId: string;
  readonly region: string;
}

/** Only names that AWS owns: a token is a password, and is not given to a host that merely looks the part. */
const OWNED =
  /\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/;

const HOST = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\./;

/** The account and region of a registry in ECR (`123456789012.dkr.ecr.eu-west-1.amazonaws.com`); undefined for any other host. */
export function parseEcrHost(host: string): EcrHost | undefined {
  const [, accountId, region] = HOST.exec(host) ?? [];
  return accountId && region && OWNED.test(host) ? { accountId, region } : undefined;
}

/** `https://host:443/path` and `host` -> `host`: the registry in the form in which an image reference has it. */
export function hostOf(endpoint: string): string {
  return endpoint
    .replace(/^[a-z]+:\/\//i, "")
    .replace(/\/.*$/, "")
    .replace(/:443$/, "");
}

const REGION =
  /^(?:af|ap|ca|cn|eu|eusc-[a-z]{2}|il|me|mx|sa|us|us-gov|us-isob?|us-isof|eu-isoe)-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-\d{1,2}$/;

/** Whether a text has the form that AWS gives to the names of its regions. New regions need no new release. */
export function isRegion(text: string): boolean {
  return REGION.test(text);
}

const REPOSITORY = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

/** Why ECR would refuse a repository's name; undefined for a good one. (API reference, CreateRepository.) */
export function repositoryNameFault(name: string): string | undefined {
  if (name.length < 2 || name.length > 256) return "it needs 2 to 256 characters";
  if (name !== name.toLowerCase()) return "it must be in lower case";
  if (!REPOSITORY.test(name))
    return "it may hold letters, digits, and between them single . _ - and / characters";
  return undefined;
}
