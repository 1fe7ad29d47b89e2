import { statSync } from "node:fs";
import { DockerError, fileReason, systemCode } from "./errors.js";
import { jsonObject } from "./json-object.js";
import { readPlainFile } from "./plain-file.js";

/** The docker CLI's config.json, as far as credentials and proxies go (https://docs.docker.com/reference/cli/docker/). */
export interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  /** One helper for everything: `credsStore: "pass"` is the program docker-credential-pass. */
  readonly credsStore?: string;
  /** A helper by registry. */
  readonly credHelpers?: Readonly<Record<string, string>>;
  /** By the URL of an engine, or `default`. */
  readonly proxies?: Readonly<Record<string, ProxySettings>> | null;
}

/** For what runs on an engine, not for the way to it. */
interface ProxySettings {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly ftpProxy?: string;
  readonly noProxy?: string;
  readonly allProxy?: string;
}

export interface AuthEntry {
  /** Base64 of `username:password`. */
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

export interface Login {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

/** Reads the settings; none are as good as empty ones. @throws DockerError `credentials/bad-config` */
export async function readDockerConfig(path: string): Promise<DockerConfig> {
  let text: string;
  try {
    text = (await readPlainFile(path)).toString("utf8");
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "ENOENT" || code === "ENOTDIR" || isHidden(path)) return {};
    throw new DockerError(
      { code: "credentials/bad-config", message: `cannot read ${path}: ${fileReason(code)}` },
      { cause: error },
    );
  }
  const config = jsonObject(text);
  if (config) return config;
  // Without a cause: an error of JSON quotes the text, which is secret.
  throw new DockerError({ code: "credentials/bad-config", message: `${path} is not a JSON object` });
}

/**
 * Decodes an entry of `auths`; undefined for an empty one, which `docker login` leaves where a store keeps the secret.
 * @param origin for the message
 */
export function authEntry(entry: AuthEntry, origin: string): Login | undefined {
  const tokens = {
    ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}),
    ...(entry.registrytoken ? { registryToken: entry.registrytoken } : {}),
  };
  // What is in a file is what somebody has written there.
  if (!entry.auth || typeof entry.auth !== "string") {
    const { username, password } = entry;
    if (username && password) return { username, password, ...tokens };
    return Object.keys(tokens).length > 0 ? tokens : undefined;
  }
  const decoded = Buffer.from(entry.auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) {
    throw new DockerError({
      code: "credentials/bad-config",
      message: `an "auth" of ${origin} is not the base64 of username:password`,
    });
  }
  // Old docker clients padded the password with NULs.
  const password = decoded.slice(colon + 1).replace(/\0+$/, "");
  return {
    username: decoded.slice(0, colon),
    ...(password && !entry.identitytoken ? { password } : {}),
    ...tokens,
  };
}

/** In a folder that this user may not enter. HOME is then another's, as it is left by `sudo -u` and `docker run -u`. */
function isHidden(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return systemCode(error) === "EACCES";
  }
}
