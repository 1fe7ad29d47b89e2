import http from "node:http";
import net from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Address } from "./address.js";
import { Gate, SshConnection } from "./ssh.js";
import type { TlsMaterial } from "./tls.js";

/** With node's own 16 KiB, whoever passes a large archive on would read nothing while a piece of it is written. */
const WAITING = { highWaterMark: 512 * 1024 };

type Opened = (error: Error | null, socket?: Duplex) => void;

/** ssh connections are processes: a few are enough, beside those of requests that wait. */
const SSH_SOCKETS = 6;

/**
 * An HTTP agent that reaches one engine and nothing else, whatever the transport. Proxies of the environment are not
 * consulted. Idle connections are kept for the next request and never keep the process alive.
 */
export class EngineAgent extends http.Agent {
  readonly #address: Address;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #gate = new Gate();
  /** Connections whose handshake is not over: the agent does not know of them yet. */
  readonly #dialling = new Set<TLSSocket>();
  #over = false;

  constructor(address: Address, env: Readonly<Record<string, string | undefined>>) {
    super({ keepAlive: true, ...(address.kind === "ssh" ? { maxSockets: SSH_SOCKETS } : {}) });
    this.#address = address;
    this.#env = env;
  }

  override createConnection(_options: object, opened: Opened): Duplex | undefined {
    const address = this.#address;
    if (address.kind === "unix") return net.connect({ path: address.path, ...WAITING });
    if (address.kind === "ssh") return new SshConnection(address, this.#env, this.#gate);
    if (!address.tls)
      return net.connect({ host: address.host, port: address.port, noDelay: true, ...WAITING });
    this.#dialTls(address.host, address.port, address.tls).then((socket) => opened(null, socket), opened);
    return undefined;
  }

  override destroy(): void {
    this.#over = true;
    for (const socket of this.#dialling) socket.destroy();
    super.destroy();
  }

  /** Resolves when the handshake is over, so that no request is sent to whom we do not trust. */
  async #dialTls(host: string, port: number, tls: TlsMaterial): Promise<Duplex> {
    const { connect } = await import("node:tls");
    return await new Promise((resolve, reject) => {
      if (this.#over) return reject(new Error("the engine was let go"));
      const socket = connect({
        host,
        port,
        rejectUnauthorized: tls.verify,
        ...(net.isIP(host) === 0 ? { servername: host } : {}),
        ...(tls.ca ? { ca: tls.ca } : {}),
        ...(tls.cert ? { cert: tls.cert } : {}),
        ...(tls.key ? { key: tls.key } : {}),
      });
      this.#dialling.add(socket);
      socket.once("error", reject);
      socket.once("close", () => {
        this.#dialling.delete(socket);
        reject(new Error("the connection was closed in the TLS handshake"));
      });
      socket.once("secureConnect", () => {
        this.#dialling.delete(socket);
        socket.off("error", reject);
        resolve(socket);
      });
    });
  }
}
