import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { refuseExpectation } from './expectation.ts';

/** A name as RFC 9110 has it (section 5.6.2, `token`). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What no value may hold (RFC 9110, section 5.5): control characters, the tab not among them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\0-\x08\x0a-\x1f\x7f]/;
/** The versions that Node's strict parser takes. */
const versions: readonly string[] = ['0.9', '1.0', '1.1', '2.0'];

/** What Node would answer by itself comes to the gate as well. */
const options = { insecureHTTPParser: true, requireHostHeader: false } as const satisfies ServerOptions;

/**
 * Keeps a server with Node's lenient parser from being deceived.
 *
 * Creovai's C++ SDK sends `Content-Length` beside `Transfer-Encoding: chunked`. RFC 9112 (section 6.3) lets a server take
 * such a request by its chunks alone, and has it close the connection afterwards: the two headers are how a second request
 * is smuggled in past whoever believes the other one. Node's strict parser refuses them, and the lenient one, which is
 * the only one that does not, goes on with the connection as if nothing were amiss, even after a `Connection: close`. So
 * here such a request is the last of its connection, and whatever is pipelined behind it, in the same packet or later,
 * comes to no handler.
 *
 * The lenient parser puts up with much else. What of that can still be seen in a request is refused as the strict parser
 * would; line ends without CR, folded lines and careless chunks can't be seen, and pass. They could only deceive a proxy
 * in front about where a request ends: there must be none.
 */
export class LenientGate {
  /** Connections that have had their last request. */
  readonly #last = new WeakMap<Socket, IncomingMessage | 'refused'>();

  /**
   * A server of `create` with the lenient parser, which gives `handler` only what may be handled. `refuse` has to answer
   * a request that is not valid, and to end the connection.
   */
  serve(
    create: (options: ServerOptions, handler: RequestListener) => Server,
    handler: RequestListener,
    refuse: (socket: Socket) => void,
  ): Server {
    const server = create(options, this.#guard(handler, refuse));
    // Otherwise Node shows the first 1000 headers, and goes by the others unseen. Their bytes are limited all the same.
    server.maxHeadersCount = 0;
    server.on('checkExpectation', this.#guard(refuseExpectation, refuse));
    return server;
  }

  /**
   * True when nothing that still comes on this connection matters, not even that it can't be parsed: its last request is
   * whole, or refused, and the answer will be followed by the end.
   */
  isOver(socket: Socket): boolean {
    const last = this.#last.get(socket);
    return last === 'refused' || last?.complete === true;
  }

  #guard(handler: RequestListener, refuse: (socket: Socket) => void): RequestListener {
    return (request, response) => {
      const { socket } = request;
      if (this.#last.has(socket)) {
        // Left unread, its body would make the system reset the connection, and cost the client the answer before it.
        request.resume();
      } else if (!isSound(request)) {
        this.#last.set(socket, 'refused');
        refuse(socket);
      } else {
        this.#noteLast(request, response);
        handler(request, response);
      }
    };
  }

  #noteLast(request: IncomingMessage, response: ServerResponse): void {
    const { headers, socket } = request;
    const hasBoth = headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined;
    if (hasBoth) {
      // It counts for nothing, so that nobody may go by it.
      headers['content-length'] = undefined;
      response.setHeader('connection', 'close');
    }
    if (hasBoth || !response.shouldKeepAlive) this.#last.set(socket, request);
  }
}

/** Whether Node's strict parser would take a request, as far as its headers still tell, but for the two lengths. */
function isSound({ headers, httpVersion, rawHeaders }: IncomingMessage): boolean {
  if (!versions.includes(httpVersion)) return false;
  // RFC 9112, section 3.2.
  if (httpVersion === '1.1' && headers.host === undefined) return false;
  if (rawHeaders.some((text, at) => (at % 2 === 0 ? !token.test(text) : controls.test(text)))) return false;
  // Any other coding leaves a body without an end (RFC 9112, section 6.3), or is one that nobody here undoes.
  const coding = headers['transfer-encoding'];
  return coding === undefined || coding.toLowerCase() === 'chunked';
}
