import type { Credentials } from "./auth-types.js";
import { DockerError, hasStatus, type Problem } from "./errors.js";

/** The error codes of registries (https://distribution.github.io/distribution/spec/api/#errors-2). The engine hands
 *  them on as `code: message`, in lower case and with blanks, and gives them no status of its own in a stream. With
 *  containerd's image store it leaves the code out: there are only the words of the usual registries, and ECR's. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/^manifest unknown\b|: manifest unknown\b/, "registry/missing"],
  [
    /^name unknown\b|: name unknown\b|^repository name not known to registry\b|^The repository with name '/,
    "registry/no-repository",
  ],
  [/(?:^|: )tag invalid\b|^The image tag '.*' already exists\b/, "registry/tag-refused"],
  [
    /^(?:unauthorized|denied|requested access to the resource is denied|no basic auth credentials)\b/,
    "registry/denied",
  ],
  // containerd quotes the answer's status line.
  [/ request to \S+: 40[13] /, "registry/denied"],
  [/: (?:unauthorized|denied):|: no basic auth credentials\b|: unauthorized\b/, "registry/denied"],
  // Podman and containerd, of a push.
  [/: authentication required$|^authentication required\b|^push access denied\b/, "registry/denied"],
  [/^Your authorization token has expired\b/, "registry/denied"],
];

/** What an engine says of a transfer, rather than of itself (it stops, it is not to be reached). */
const TOLD: ReadonlySet<string> = new Set(["engine/stream-error", "engine/failed"]);

/** Of a pull an engine since 25 gives this status of the registry's on; it has no such limit itself. */
const TOO_MANY = 429;

/** Some engines look at what they have pulled, and refuse it; others take it. */
const OTHER_PLATFORM = /\bdoes not match the specified platform: wanted \S+, actual: (\S+)$/;

/** @param actual the platform that it is for, `linux/amd64` */
export function otherPlatformProblem(reference: string, actual: string): Problem {
  return {
    code: "image/other-platform",
    message: `${reference} is an image for ${actual}, and the registry has no other`,
    option: "platform",
  };
}

/** What a pull or a push failed with, told apart as far as the engine lets see. Anything else passes unchanged. */
export function registryError(error: unknown, reference: string, who?: Credentials): unknown {
  if (!(error instanceof DockerError) || !error.problem.code.startsWith("engine/")) return error;
  const words = error.message.replace(/^error from registry: /, "");
  const [, actual] = OTHER_PLATFORM.exec(words) ?? [];
  if (actual) return new DockerError(otherPlatformProblem(reference, actual), { cause: error });
  const known = CODES.find(([pattern]) => pattern.test(words))?.[1];
  const code = known ?? (hasStatus(error, 404) ? "registry/missing" : undefined);
  // What goes wrong before the first layer is answered with 500, whatever the registry's own status was.
  if (!code) {
    const told = TOLD.has(error.problem.code) || hasStatus(error, TOO_MANY);
    return told ? failed(error, reference) : error;
  }
  const options = { cause: error, ...(error.statusCode && { statusCode: error.statusCode }) };
  const said = `the engine says: ${error.message}`;
  const problem =
    code === "registry/denied" ? deniedProblem(reference, said, who) : PROBLEMS[code]!(reference, said);
  return new DockerError(problem, options);
}

/** @param said what was answered, by whom */
export function deniedProblem(reference: string, said: string, who: Credentials | undefined): Problem {
  const given = who?.origin === "options";
  return {
    code: "registry/denied",
    message: `the registry denies access to ${reference}`,
    notes: [said, identity(who)],
    help: [
      given
        ? "check username and password, and what that user may do there"
        : "log in (docker login), name a credential helper, or give username and password",
    ],
    ...(given && { option: "username" }),
  };
}

/** As whom the registry was asked: the wrong one of several logins is hard to find otherwise. */
function identity(who: Credentials | undefined): string {
  return who
    ? `asked as ${who.username ?? "the holder of a token"} (${who.origin})`
    : "asked without a login";
}

/** What to do about other failures, by the words of the engine (Go's network, its TLS, its registry client) for them. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /\bdial tcp\b|\bconnection (?:refused|reset)\b|\bno such host\b|\bclosed network connection\b|\bbroken pipe\b|\bEOF$|\bi\/o timeout\b/,
    "is the registry running, and can the engine's host reach it? The next run tries again",
  ],
  [
    /\btoo ?many ?requests\b|\b429\b/i,
    "the registry limits how often it is asked: wait, or log in (docker login) where that gives more",
  ],
  [
    /\bHTTP response to HTTPS client\b/,
    "the registry speaks plain HTTP: name it in insecure-registries of the engine's daemon.json",
  ],
  [
    /\bx509: |\bcertificate\b/,
    "put the certificate of the registry's CA into /etc/docker/certs.d/HOST:PORT/ca.crt on the engine's host",
  ],
  [
    /\bno matching manifest\b/,
    "the registry has no image for this platform: set platform to one that it has",
  ],
  [/\bno space left on device\b/, "make room on the disk of the engine or of the registry"],
  [
    /\berror parsing HTTP 4\d\d response body\b|\binvalid character '<'/,
    "is that a registry's address, and does it begin at /v2/?",
  ],
  [
    /\bHTTP status:? 5\d\d\b|: 5\d\d [A-Z]|\bStatusCode: 5\d\d\b/,
    "the registry itself has failed: look into its log. The next run tries again",
  ],
];

function failed(error: DockerError, reference: string): DockerError {
  return new DockerError(failedProblem(reference, error.message), { cause: error });
}

/** @param said what went wrong, in the words of the engine or of ours */
export function failedProblem(reference: string, said: string): Problem {
  const help = ADVICE.find(([words]) => words.test(said))?.[1];
  return { code: "registry/failed", message: `${reference}: ${said}`, ...(help && { help: [help] }) };
}

const PROBLEMS: Readonly<Record<string, (reference: string, said: string) => Problem>> = {
  "registry/missing": (reference, said) => ({
    code: "registry/missing",
    message: `there is no image ${reference}`,
    notes: [said],
    help: ["check the name and the tag; a private repository looks the same without credentials"],
  }),
  "registry/no-repository": (reference, said) => ({
    code: "registry/no-repository",
    message: `the registry has no repository for ${reference}`,
    notes: [said],
    help: ["create the repository; docker.ecr-push does so by itself"],
  }),
  "registry/tag-refused": (reference, said) => ({
    code: "registry/tag-refused",
    message: `the registry does not let ${reference} be pushed`,
    notes: [said],
    help: ["an immutable tag stays with its image: push another tag"],
  }),
};
