import http from "node:http";
import net from "node:net";
import type { Duplex } from "node:stream";
import type { Address } from "./address.js";
import { SshConnection } from "./ssh.js";
import type { TlsMaterial } from "./tls.js";

/** With node's own 16 KiB, whoever passes a large archive on would read nothing while a piece of it is written. */
const WAITING = { highWaterMark: 512 * 1024 };

type Opened = (error: Error | null, socket?: Duplex) => void;

/** ssh connections are processes: a few are enough, and sshd's MaxStartups refuses more than ten at once. */
const SSH_SOCKETS = 6;

/**
 * An HTTP agent that reaches one engine and nothing else, whatever the transport. Proxies of the environment are not
 * consulted. Idle connections are kept for the next request and never keep the process alive.
 */
export class EngineAgent extends http.Agent {
  readonly #address: Address;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(address: Address, env: Readonly<Record<string, string | undefined>>) {
    super({ keepAlive: true, ...(address.kind === "ssh" ? { maxSockets: SSH_SOCKETS } : {}) });
    this.#address = address;
    this.#env = env;
  }

  override createConnection(_options: object, opened: Opened): Duplex | undefined {
    const address = this.#address;
    if (address.kind === "unix") return net.connect({ path: address.path, ...WAITING });
    if (address.kind === "ssh") return new SshConnection(address, this.#env);
    if (!address.tls)
      return net.connect({ host: address.host, port: address.port, noDelay: true, ...WAITING });
    dialTls(address.host, address.port, address.tls).then((socket) => opened(null, socket), opened);
    return undefined;
  }
}

/** Resolves when the handshake is over, so that no request is sent to whom we do not trust. */
async function dialTls(host: string, port: number, tls: TlsMaterial): Promise<Duplex> {
  const { connect } = await import("node:tls");
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      rejectUnauthorized: tls.verify,
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...(tls.ca ? { ca: tls.ca } : {}),
      ...(tls.cert ? { cert: tls.cert } : {}),
      ...(tls.key ? { key: tls.key } : {}),
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
