import { blame, type Endpoint } from "./address.js";
import { DockerError, NOT_HTTP, reasonOf, systemCode } from "./errors.js";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ENOTSOCK: "it is not a socket",
  EACCES: "this user may not use the socket",
  EPERM: "this user may not use the socket",
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "the name could not be looked up",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
  ECONNRESET: "the connection was closed before an answer came",
  EPIPE: "the connection was closed while the request was sent",
};

const HELP: Readonly<Record<string, string>> = {
  ENOENT: "is the Docker engine running? Another one is named by engine-url, context or DOCKER_HOST",
  ECONNREFUSED: "is the Docker engine running? Another one is named by engine-url, context or DOCKER_HOST",
  EACCES: "add the user to the group docker, or use the rootless engine",
};

/** The error for an engine that could not be asked: names the endpoint, what named the endpoint, and why. */
export function unreachable(endpoint: Endpoint, error: unknown): Error {
  if (error instanceof DockerError && error.problem.code !== "engine/ssh-failed") return error;
  // A signal that has run out.
  const code = error instanceof DOMException ? "ETIMEDOUT" : (systemCode(error) ?? "");
  const help = HELP[code] ?? (UNVOUCHED.test(code) ? VOUCHED : undefined);
  const why =
    error instanceof DockerError
      ? (error.problem.notes ?? [])
      : [REASONS[code] ?? tlsReason(error, code) ?? notHttp(endpoint, code) ?? reasonOf(error)];
  return new DockerError(
    {
      code: "engine/unreachable",
      message: `cannot reach the Docker engine at ${endpoint.url} (${endpoint.origin})`,
      notes: why.length > 0 ? why : [reasonOf(error)],
      ...(help ? { help: [help] } : {}),
      ...blame(endpoint.origin),
    },
    { cause: error },
  );
}

/** OpenSSL's and Node's names for a certificate that is not trusted (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const UNTRUSTED =
  /^(?:CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|PATH_LENGTH_|ERR_TLS_CERT_|HOSTNAME_)/;

/** Those of them for which another authority would do. */
const UNVOUCHED = /^(?:UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/;
const VOUCHED =
  "the ca.pem that vouches for it belongs into the folder of engine-tls-cert-path, or of DOCKER_CERT_PATH";

function tlsReason(error: unknown, code: string): string | undefined {
  if (UNTRUSTED.test(code)) return `the engine's certificate cannot be verified: ${reasonOf(error)}`;
  if (code.startsWith("ERR_OSSL_")) return `the certificate or key for it cannot be used: ${reasonOf(error)}`;
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
    return "the TLS handshake failed: is it a TLS port, and does it take this client certificate?";
  }
  return undefined;
}

function notHttp({ address }: Endpoint, code: string): string | undefined {
  if (!code.startsWith("HPE_") && code !== NOT_HTTP) return undefined;
  const asks =
    address.kind === "ssh" ? "does a login there print something?" : "does the engine want TLS there?";
  return `the answer is not HTTP: ${asks}`;
}
