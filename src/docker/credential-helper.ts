import type { Credentials } from "./auth-types.js";
import { DockerError, systemCode } from "./errors.js";
import { jsonObject } from "./json-object.js";
import { endOf, runToEnd } from "./system-program.js";

export interface HelperAt {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** What every helper prints when it has nothing: a piece of the protocol, for there is no code for it. */
const NOT_FOUND = "credentials not found in native keychain";

interface HelperAnswer {
  readonly Username?: string;
  readonly Secret?: string;
}

/**
 * Asks the program `docker-credential-<name>` (https://github.com/docker/docker-credential-helpers).
 * @param address what it knows the registry by
 * @returns undefined where it has none
 * @throws DockerError `credentials/no-helper`, `credentials/helper-failed`
 */
export async function askHelper(
  name: string,
  address: string,
  at: HelperAt,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) throw failed(program, address, "that is not the name of a helper");
  const result = await runToEnd(program, ["get"], { ...at, input: address });
  if (systemCode(result) === "ENOENT") throw noHelper(program, address);
  if (result.isMaxBuffer) throw failed(program, address, "its answer does not end");
  if (result.failed) {
    // What looks like an answer may have the secret.
    const said = `${jsonObject(result.stdout) ? "" : result.stdout}\n${result.stderr}`.trim();
    if (said.includes(NOT_FOUND)) return undefined;
    throw failed(program, address, said.slice(0, 500) || endOf(result));
  }
  return decode(result.stdout, { program, address });
}

function decode(stdout: string, from: { program: string; address: string }): Credentials | undefined {
  const answer: HelperAnswer | undefined = jsonObject(stdout);
  // Without the text: it may be the secret.
  if (!answer) throw failed(from.program, from.address, "its answer is not a JSON object");
  const { Username: username, Secret: secret } = answer;
  if (!secret) return undefined;
  const login =
    username === "<token>" ? { identityToken: secret } : { username: username ?? "", password: secret };
  return { ...login, serverAddress: from.address, origin: from.program };
}

function noHelper(program: string, address: string): DockerError {
  return new DockerError({
    code: "credentials/no-helper",
    message: `the credentials for ${address} are with ${program}, which is not installed`,
    help: [`install ${program}, or take it out of docker's config.json`],
  });
}

function failed(program: string, address: string, why: string): DockerError {
  return new DockerError({
    code: "credentials/helper-failed",
    message: `${program} did not give the credentials for ${address}`,
    notes: why.split("\n"),
  });
}
