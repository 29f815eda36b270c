import { connect, type TLSSocket } from 'node:tls';

/** A TLS connection on which a test decides every byte. The server must show `ca`, for the address it is asked at. */
export class TlsConnection {
  readonly #socket: TLSSocket;
  /** Resolves with everything that came, once the connection is over. */
  readonly closed: Promise<string>;
  /** The name in the certificate that the server has shown. */
  readonly peerName: string;
  #received = '';

  /** `socket` is through with its handshake. */
  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.peerName = String(socket.getPeerCertificate().subject.CN);
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    // A reset shows in what did not come.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve(this.#received));
    });
  }

  /** Resolves when the handshake is over; rejects when it fails. */
  static async open(origin: string, ca: Buffer): Promise<TlsConnection> {
    const { hostname, port } = new URL(origin);
    return await new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), ca });
      socket.once('secureConnect', () => resolve(new TlsConnection(socket)));
      socket.once('error', reject);
    });
  }

  /** One write is one packet, up to 16 KiB. */
  send(bytes: string | Buffer): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Says that no more bytes will come, and goes on listening. */
  finish(): void {
    this.#socket.end();
  }

  /** What has come so far. */
  get received(): string {
    return this.#received;
  }

  close(): void {
    this.#socket.destroy();
  }
}
