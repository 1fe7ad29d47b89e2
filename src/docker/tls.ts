import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DockerError, fileReason, systemCode } from "./errors.js";

/** What a TLS connection to an engine is made with: PEM texts as they lie in the files. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** Whether the engine's certificate is checked. */
  readonly verify: boolean;
}

/**
 * Reads `ca.pem`, `cert.pem` and `key.pem` of a folder. All may be missing where nobody named the folder (the system's
 * authorities then vouch for the engine); a named folder must have at least one of them.
 */
export async function readTls(folder: string, verify: boolean, named?: string): Promise<TlsMaterial> {
  const { ca, cert, key } = await readPems(folder);
  const blamed = named?.startsWith("engine-") ? { option: named } : {};
  if (named && !ca && !cert && !key) {
    throw new DockerError({
      code: "engine/no-certificates",
      message: `${folder} (${named}) has none of ca.pem, cert.pem and key.pem`,
      ...blamed,
    });
  }
  if (Boolean(cert) !== Boolean(key)) {
    throw new DockerError({
      code: "engine/no-certificates",
      message: `${folder} has ${cert ? "cert.pem but no key.pem" : "key.pem but no cert.pem"}`,
      ...blamed,
    });
  }
  return { verify, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

interface Pems {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The three files of a folder as far as they are there. */
export async function readPems(folder: string): Promise<Pems> {
  const names = ["ca.pem", "cert.pem", "key.pem"];
  const [ca, cert, key] = await Promise.all(names.map((name) => readIfThere(join(folder, name))));
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

/** The file, or undefined where there is none. @throws DockerError `engine/no-certificates` */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const message = `cannot read ${path}: ${fileReason(code)}`;
    throw new DockerError({ code: "engine/no-certificates", message }, { cause: error });
  }
}
