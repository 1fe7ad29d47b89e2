import { readFileSync } from "node:fs";
import type { SecureContext, SecureContextOptions } from "node:tls";

/** What the first lines of the program (scripts/lib/launcher.mjs) call NODE_EXTRA_CA_CERTS while Node starts. */
const HIDDEN = "TSBUILDOUT_NODE_EXTRA_CA_CERTS";

/** Modules of Node that may speak TLS, and what loads them. */
const SPEAKS_TLS = /^(?:node:)?(?:tls|https|http2)$/;

/** As the process sees itself, and whatever it starts, nothing was ever hidden. */
export function revealed(env: NodeJS.ProcessEnv): string | undefined {
  const file = env[HIDDEN];
  if (file === undefined) return undefined;
  delete env[HIDDEN];
  return (env["NODE_EXTRA_CA_CERTS"] = file);
}

/**
 * The certificates of NODE_EXTRA_CA_CERTS, read when something may speak TLS, as later versions of Node do: Node 20 reads
 * them, and its own, at each start, which takes as long as a short run (https://nodejs.org/docs/latest-v20.x/api/cli.html#node_extra_ca_certsfile).
 * They are trusted besides Node's own wherever a connection names no authorities (`ca`).
 */
export class ExtraCertificates {
  #file: string | undefined;

  /** @param file of certificates in PEM, from {@link revealed}; undefined: nothing is to be done */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** To be called before a module is loaded. @param name of a module of Node, or undefined for anybody's */
  loading(name?: string): void {
    if (this.#file === undefined || (name !== undefined && !SPEAKS_TLS.test(name))) return;
    const pem = certificates(this.#file);
    this.#file = undefined;
    if (pem !== undefined) trust(pem);
  }
}

/** What cannot be read is told and left, as by Node. */
function certificates(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    process.emitWarning(`Ignoring extra certs from \`${file}\`, load failed: ${(error as Error).message}`);
    return undefined;
  }
}

/** Connections of Node's own modules are made with what `tls` exports at that moment. */
function trust(pem: Buffer): void {
  const tls = process.getBuiltinModule("node:tls") as {
    createSecureContext: (options?: SecureContextOptions) => SecureContext;
  };
  const create = tls.createSecureContext;
  tls.createSecureContext = (options) => {
    const made = create(options);
    if (!options?.ca) (made.context as { addCACert: (pem: Buffer) => void }).addCACert(pem);
    return made;
  };
}
