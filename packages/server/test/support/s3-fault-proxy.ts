/** A way to a real S3 server on which requests meet the faults of a network, or of a store that is not well. */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What happens to a request. Where it says nothing else, the request reaches the server and is done. */
export type S3Fault =
  /** It does not reach the server; this is the answer, as S3 words it. */
  | { kind: 'answer'; status: number; code: string; body?: string }
  /** It reaches the server so much later. */
  | { kind: 'delay'; ms: number }
  /** It reaches the server when this is fulfilled. */
  | { kind: 'hold'; until: Promise<unknown> }
  /** The connection is cut after so many bytes of the answer's body. */
  | { kind: 'cut'; afterBytes: number }
  /** Nothing comes after so many bytes of the answer's body. */
  | { kind: 'stall'; afterBytes: number }
  /** The connection is cut before any answer. */
  | { kind: 'lose' };

/** Which requests meet a fault. What is not given is met by all. */
export type S3Rule = {
  method?: string;
  /** Of path and query as they were sent, such as `/bucket/tacet/name?uploads=`. */
  path?: RegExp;
  /** Name of a header, in lower case, that the request has. */
  header?: string;
  /** Requests that pass before the first that meets the fault. */
  skip?: number;
  /** Requests that meet it; all where it is not given. */
  times?: number;
  fault: S3Fault;
};

/** A request as it came. `isOver` once its answer has been sent, or its connection is gone. */
export type SeenRequest = { method: string; path: string; headers: IncomingMessage['headers']; isOver: boolean };

/**
 * Forwards everything to one server, unchanged: the signatures stay good, since they cover the name that the client has
 * used. Listens on loopback. Of several rules that fit, the first counts.
 */
export class S3FaultProxy {
  readonly endpoint: string;
  /** Everything that came, in order. */
  readonly seen: SeenRequest[] = [];
  readonly #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #rules: (S3Rule & { fitted: number })[] = [];

  private constructor(target: URL, server: Server) {
    this.#target = target;
    this.#server = server;
    const { port } = server.address() as AddressInfo; // A listening TCP server has one.
    this.endpoint = `http://127.0.0.1:${port}`;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (asked: IncomingMessage, answer: ServerResponse) => {
      this.#handle(asked, answer).catch(() => answer.destroy());
    });
  }

  static async start(endpoint: string): Promise<S3FaultProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new S3FaultProxy(new URL(endpoint), server);
  }

  /** Adds a rule. `remove` takes it away again; `wasMet` tells whether a request has met its fault. */
  inject(rule: S3Rule): { remove: () => void; wasMet: () => boolean } {
    const added = { ...rule, fitted: 0 };
    this.#rules.push(added);
    return {
      remove: () => {
        this.#rules = this.#rules.filter((one) => one !== added);
      },
      wasMet: () => added.fitted > (rule.skip ?? 0),
    };
  }

  /** Takes all rules away, and forgets what was seen. */
  heal(): void {
    this.#rules = [];
    this.seen.length = 0;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #handle(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = asked;
    const seen = { method, path, headers, isOver: false };
    this.seen.push(seen);
    answer.once('close', () => {
      seen.isOver = true;
    });
    const fault = this.#faultOf(method, path, headers);
    if (fault?.kind === 'answer') {
      asked.resume();
      asked.once('end', () => refuse(answer, method, fault));
      return;
    }
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === 'hold') await fault.until;
    this.#forward(asked, answer, fault);
  }

  #faultOf(method: string, path: string, headers: IncomingMessage['headers']): S3Fault | undefined {
    for (const rule of this.#rules) {
      const fits =
        (rule.method ?? method) === method &&
        (rule.path ?? /^/).test(path) &&
        (rule.header === undefined || headers[rule.header] !== undefined);
      if (!fits) continue;
      rule.fitted += 1;
      const nth = rule.fitted - (rule.skip ?? 0);
      if (nth >= 1 && nth <= (rule.times ?? Number.POSITIVE_INFINITY)) return rule.fault;
    }
    return undefined;
  }

  #forward(asked: IncomingMessage, answer: ServerResponse, fault: S3Fault | undefined): void {
    const { hostname: host, port } = this.#target;
    const { method, url: path, headers } = asked;
    const forwarded = httpRequest({ host, port, method, path, headers }, (answered) => {
      if (fault?.kind === 'lose') {
        answered.resume();
        answered.once('end', () => answer.destroy());
        return;
      }
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      if (fault?.kind === 'cut' || fault?.kind === 'stall') passSome(answered, answer, fault);
      else answered.pipe(answer);
      answered.once('error', () => answer.destroy());
    });
    forwarded.once('error', () => answer.destroy());
    answer.once('close', () => forwarded.destroy());
    asked.pipe(forwarded);
  }
}

function refuse(
  answer: ServerResponse,
  method: string,
  { status, code, body }: Extract<S3Fault, { kind: 'answer' }>,
): void {
  const text = body ?? `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>x</Message></Error>`;
  answer.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(text) });
  answer.end(method === 'HEAD' ? undefined : text);
}

/** Passes the beginning of a body, and then cuts the connection or says nothing more. */
function passSome(
  from: IncomingMessage,
  to: ServerResponse,
  { kind, afterBytes }: Extract<S3Fault, { kind: 'cut' | 'stall' }>,
): void {
  let left = afterBytes;
  // The head goes out by itself: without a byte of the body Node would wait for one.
  to.flushHeaders();
  from.on('data', (chunk: Buffer) => {
    const passed = chunk.subarray(0, left);
    left -= passed.byteLength;
    if (passed.byteLength > 0) to.write(passed);
    if (left === 0 && kind === 'cut') setImmediate(() => to.destroy());
  });
}
