import type { RequestListener } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';

/** PEM text: a certificate with those that lead to its authority behind it, and the private key that belongs to it. */
export type Certificate = { cert: Buffer; key: Buffer };

/**
 * A client that connects and does not finish its handshake is cut off after so long. Until its handshake is over a
 * connection belongs to no request and is on no list, so that nothing else would end it, and a server that closes waits.
 */
const handshakeMsMax = 5_000;

/** The TLS listeners of one process. They share a certificate, which can be replaced while they serve. */
export class TlsListeners {
  readonly #servers = new Set<Server>();
  #certificate: Certificate;

  constructor(certificate: Certificate) {
    this.#certificate = certificate;
  }

  /**
   * An HTTPS server that does not listen yet. `options` are those of a plain one; TLS 1.2 and later are spoken, and
   * HTTP/1.1 alone. A handshake that fails or takes too long is a `clientError` of the server, of a socket that nothing
   * can be written to and that the handler of that event must destroy.
   */
  create(options: ServerOptions, handler: RequestListener): Server {
    const server = createServer({ ...options, ...this.#certificate, handshakeTimeout: handshakeMsMax }, handler);
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    return server;
  }

  /** New connections get this certificate from now on; those that stand keep theirs, and stay. */
  renew(certificate: Certificate): void {
    for (const server of this.#servers) server.setSecureContext(certificate);
    this.#certificate = certificate;
  }
}
