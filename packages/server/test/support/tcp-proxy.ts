/** A connection's way to a server, which a test cuts where it wants: at a word that goes by, or altogether. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `before`: the server never hears the word. `after`: it has answered, and whoever said it never hears the answer. */
export type CutAt = 'before' | 'after';

type Pair = { client: Socket; upstream: Socket; isSpent: boolean; isSilent: boolean };
type Rule = { word: Buffer; at: CutAt; met: () => void; skip: number };

export class TcpProxy {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<Pair>();
  #rule: Rule | undefined;
  #isOpen = true;
  #isSilent = false;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  /** Listens on loopback. */
  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    // A listening TCP server has one.
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Cuts the next connection over which a client says `word` in one piece, after letting `skip` of them pass. Resolves when
   * that was done.
   */
  async cutAt(word: string, at: CutAt, { skip = 0 } = {}): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#rule = { word: Buffer.from(word), at, met: resolve, skip };
    });
  }

  /** What was to be cut and has not gone by is not cut any more. */
  letPass(): void {
    this.#rule = undefined;
  }

  /** Ends every connection, without a word. */
  cutAll(): void {
    for (const pair of this.#pairs) this.#cut(pair);
  }

  /** From here on nobody is let in, or everybody again. */
  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen) this.cutAll();
  }

  /**
   * Swallows every byte from here on, both ways, as a network does that drops packets: neither end is told, not even that the
   * other has closed. With `false` connections that begin from then on are carried again; those that were silent stay so.
   */
  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
    if (isSilent) for (const pair of this.#pairs) pair.isSilent = true;
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    // Unheard, the end of a socket that is cut would end the test.
    client.on('error', () => undefined);
    if (!this.#isOpen) {
      client.destroy();
      return;
    }
    const upstream = connect({ ...this.#target, noDelay: true });
    upstream.on('error', () => undefined);
    const pair: Pair = { client, upstream, isSpent: false, isSilent: this.#isSilent };
    this.#pairs.add(pair);
    client.setNoDelay(true);
    client.on('data', (piece) => this.#passOn(pair, piece));
    upstream.on('data', (piece) => {
      if (pair.isSpent) this.#cut(pair);
      else if (!pair.isSilent) client.write(piece);
    });
    const end = () => {
      if (!pair.isSilent) this.#cut(pair);
    };
    client.on('close', end);
    upstream.on('close', end);
  }

  #passOn(pair: Pair, piece: Buffer): void {
    if (pair.isSilent) return;
    const rule = this.#rule;
    if (rule !== undefined && piece.includes(rule.word)) {
      if (rule.skip === 0) {
        this.#rule = undefined;
        if (rule.at === 'before') this.#cut(pair);
        else pair.isSpent = true;
        // Told when the connection is down, however it went.
        pair.client.once('close', rule.met);
      } else rule.skip -= 1;
    }
    pair.upstream.write(piece);
  }

  #cut(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.upstream.destroy();
  }
}
