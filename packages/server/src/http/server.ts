import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Engine } from '../engine/context.ts';
import { proveReady } from '../engine/jobs/prove-ready.ts';
import { systemError } from '../lib/durable-files.ts';
import { AppError, codeOf } from '../model/errors.ts';
import { sendCreovaiError } from './creovai/errors.ts';
import { creovaiPlugin } from './creovai/plugin.ts';
import { isSessionPath } from './creovai/rest-of-path.ts';
import { refuseExpectation } from './expectation.ts';
import { routeOf } from './failure.ts';
import { KnownPaths } from './known-paths.ts';
import { LenientGate } from './lenient.ts';
import { meterRequest } from './meter-request.ts';
import { sendProblem } from './native/errors.ts';
import { nativePlugin } from './native/plugin.ts';
import { setSecurityHeaders } from './native/security-headers.ts';
import { answerBeforeBodyEnds, leaveBodies } from './request-body.ts';
import { firstStep, routableTarget } from './routable-target.ts';
import { sendGuestError } from './share/errors.ts';
import { sharePlugin } from './share/plugin.ts';
import type { TlsListeners } from './tls.ts';
import { sendTwinError } from './twin24/errors.ts';
import { twinPlugin, twinSteps } from './twin24/plugin.ts';
import { wellKnownPlugin } from './well-known.ts';

export type ServerOptions = {
  /** Addresses and networks of proxies whose forwarded headers are believed; none if empty. */
  trustProxy: readonly string[];
  /** The base of absolute links, without a slash at its end. Asked for while requests are handled, never before. */
  publicUrl: () => string;
  /** Speaks TLS, with the certificate of these listeners. Default: plain HTTP. */
  tls?: TlsListeners;
  /** Takes requests with `Content-Length` beside `Transfer-Encoding: chunked`, as `LenientGate` tells. Default: refuses. */
  isLenient?: boolean;
  /** Requests a minute on the native API by each client. Default 0: any number. */
  rateLimit?: number;
  /** Origins whose pages may call the native API. Default: none. */
  corsOrigins?: readonly string[];
};

/** A connection on which nothing moves for so long is closed: uploaders that are gone, downloaders that stopped. */
const silenceMsMax = 120_000;
/** One request in all: the largest upload on a line of 1 Mbit/s takes five hours. */
const requestMsMax = 6 * 3_600_000;
/** A connection kept for the client's next request is closed after so long. */
const idleMsMax = 72_000;
/** When the server closes, requests under way have so long to end; then their connections are cut. */
const closeMsMax = 5_000;
/** How often, meanwhile, connections are closed whose requests have been answered. */
const idleLookMs = 50;
/** Longer than any URL that Node accepts, so that an over-long id is unknown like any other. */
const paramLengthMax = 65_536;

/**
 * The HTTP server with every surface, not yet listening.
 *
 * Paths match in any case and with slashes repeated; what stands for an id keeps its case. Every answer but a recording
 * and a shared page is JSON, whatever was asked. Closing it takes no longer than `closeMsMax`. The access log has one line per request: method, route pattern, status,
 * milliseconds.
 */
export function buildServer(engine: Engine, options: ServerOptions): FastifyInstance {
  const answering = new WeakMap<Socket, ServerResponse>();
  const gate = options.isLenient ? new LenientGate() : undefined;
  const refuse = (socket: Socket, code = '') => refuseUnparsed(code, socket, answering.get(socket));
  const app: FastifyInstance = fastify({
    logger: false,
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    exposeHeadRoutes: false,
    return503OnClosing: false,
    connectionTimeout: silenceMsMax,
    requestTimeout: requestMsMax,
    keepAliveTimeout: idleMsMax,
    ...ownListener(engine, options, gate, refuse),
    rewriteUrl: (raw) => routableTarget(raw.url ?? '/', hasIds),
    routerOptions: {
      caseSensitive: false,
      ignoreDuplicateSlashes: true,
      ignoreTrailingSlash: true,
      maxParamLength: paramLengthMax,
    },
    frameworkErrors: (_error, request, reply) => {
      const error = new AppError('input_invalid', { message: 'The URL is malformed' });
      secureOwn(request, reply);
      sendUnrouted(engine, error, request.raw.url, request, reply);
      // No hook runs for these, so the access log is written here.
      engine.log.info('http', { method: request.method, route: 'unmatched', status: reply.statusCode, ms: 0 });
      meterRequest(engine.meter, request, { status: reply.statusCode, tookMs: 0 });
    },
    clientErrorHandler: (error, socket) => {
      if (gate?.isOver(socket)) return;
      // What is no mistake in HTTP, such as a handshake that failed, leaves nobody to answer.
      if (/^(HPE|ERR_HTTP)_/.test(error.code)) refuse(socket, error.code);
      else socket.destroy();
    },
  });
  if (gate === undefined) app.server.on('checkExpectation', refuseExpectation);
  app.server.on('request', (request, response) => answering.set(request.socket, response));
  app.server.once('listening', () => {
    // Out of file descriptors, say. Unheard it would end the process, and with it the connections that stand.
    app.server.on('error', (error) => engine.log.error('http.accept_failed', { error: systemError(error)?.code }));
  });
  answerBeforeBodyEnds(app);
  leaveBodies(app);
  app.addHook('onRequest', async (request, reply) => logWhenEnded(engine, request, reply));
  const secureOwn = (request: FastifyRequest, reply: FastifyReply) => {
    const isOurs = ownSteps.has(firstStep(request.raw.url ?? ''));
    if (isOurs) setSecurityHeaders(reply, { isTls: options.tls !== undefined });
  };
  app.addHook('onRequest', async (request, reply) => secureOwn(request, reply));
  const sendAny = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    sendUnrouted(engine, error, request.raw.url, request, reply);
  app.setErrorHandler(sendAny);
  const known = new KnownPaths();
  addNotFound(app, known);
  app.addHook('preClose', async () => closeInTime(app.server));
  addHealth(app, engine);
  app.register(creovaiPlugin(engine, options));
  app.register(twinPlugin(engine, { ...options, known }));
  const { rateLimit = 0, corsOrigins = [] } = options;
  app.register(nativePlugin(engine, { known, rateLimit, corsOrigins }), { prefix: '/v1' });
  app.register(sharePlugin(engine), { prefix: '/share' });
  app.register(wellKnownPlugin(engine, known), { prefix: '/.well-known' });
  return app;
}

/**
 * Makes Fastify listen with a server of our own where it takes one: with a certificate that can be replaced, or with the
 * lenient parser. Otherwise with its own, which knows that `localhost` is two addresses.
 */
function ownListener(
  engine: Engine,
  { tls }: ServerOptions,
  gate: LenientGate | undefined,
  refuse: (socket: Socket) => void,
): { serverFactory?: (handler: RequestListener) => Server } {
  if (tls === undefined && gate === undefined) return {};
  const create = tls === undefined ? createServer : tls.create.bind(tls);
  return {
    serverFactory(handler) {
      const server = gate ? gate.serve(create, handler, refuse) : create({}, handler);
      server.setTimeout(silenceMsMax);
      server.requestTimeout = requestMsMax;
      server.keepAliveTimeout = idleMsMax;
      server.on('tlsClientError', (error: Error & { code?: string }) => {
        // Health checks of balancers come and go without a word.
        if (error.code !== 'ECONNRESET') engine.log.info('tls.handshake_failed', { error: error.code });
      });
      return server;
    },
  };
}

/** Waits for the requests under way, but not for ever, and not for what their clients may yet ask on a connection kept. */
function closeInTime(server: Server): void {
  if (!server.listening) return;
  const idle = setInterval(() => server.closeIdleConnections(), idleLookMs);
  const cut = setTimeout(() => server.closeAllConnections(), closeMsMax);
  server.once('close', () => {
    clearInterval(idle);
    clearTimeout(cut);
  });
}

/** One line when the answer has gone out, or its connection broke before: then with `isCut`. */
function logWhenEnded(engine: Engine, request: FastifyRequest, reply: FastifyReply): void {
  const startMs = performance.now();
  finished(reply.raw, (error) => {
    const tookMs = performance.now() - startMs;
    const ms = Math.round(tookMs);
    const cut = error ? { isCut: true } : {};
    engine.log.info('http', { method: request.method, route: routeOf(request), status: reply.statusCode, ms, ...cut });
    meterRequest(engine.meter, request, { status: error ? 'cut' : reply.statusCode, tookMs });
  });
}

/** `/healthz`: this process answers. `/readyz`: it can also do its work (`proveReady`). */
function addHealth(app: FastifyInstance, engine: Engine): void {
  const method = ['GET', 'HEAD'];
  app.route({ method, url: '/healthz', handler: async () => ({ status: 'ok' }) });
  app.route({
    method,
    url: '/readyz',
    handler: async (_request, reply) => {
      const isReady = await isAbleToWork(engine);
      reply.code(isReady ? 200 : 503);
      return { status: isReady ? 'ready' : 'not ready' };
    },
  });
}

async function isAbleToWork(engine: Engine): Promise<boolean> {
  try {
    await proveReady(engine);
    return true;
  } catch (error) {
    const detail = error instanceof AppError ? error.detail : undefined;
    engine.log.warn('http.not_ready', { code: codeOf(error), detail });
    return false;
  }
}

/** First steps of the paths that are no vendor's and no guest's. */
const ownSteps: ReadonlySet<string> = new Set(['v1', '.well-known']);

/** By the first step of a path. Everything else at the root is Creovai's. */
const errorForms: ReadonlyMap<string, typeof sendProblem> = new Map([
  ['v1', sendProblem],
  ['.well-known', sendProblem],
  ['share', sendGuestError],
  ...twinSteps.map((step) => [step, sendTwinError] as const),
]);

/** True for a path in which a text that does not decode is an id that is unknown, not a mistake in the address. */
function hasIds(path: string): boolean {
  const send = errorForms.get(firstStep(path));
  return send === undefined ? isSessionPath(path) : send !== sendGuestError;
}

/** What no route takes is 405 where a surface knows the path by other methods, else 404. */
function addNotFound(app: FastifyInstance, known: KnownPaths): void {
  app.addHook('onRequest', async ({ is404, raw }) => {
    // Nobody reads the body of what is not there, whatever its type; Creovai's clients hear of a malformed one.
    if (is404 && errorForms.has(firstStep(raw.url ?? ''))) raw.headers['content-type'] = undefined;
  });
  app.setNotFoundHandler(async (request, reply) => await known.refuse(request, reply));
}

/** An error outside every surface takes the form of the one that the path points at. */
function sendUnrouted(
  engine: Engine,
  error: unknown,
  url: string | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const send = errorForms.get(firstStep(url ?? '')) ?? sendCreovaiError;
  send(engine, error, request, reply);
}

/** Answers what Node could not parse as HTTP, unless an answer is on its way already: then there is only closing. */
function refuseUnparsed(code: string, socket: Socket, response: ServerResponse | undefined): void {
  const isMidAnswer = response?.headersSent === true && !response.writableFinished;
  if (!socket.writable || isMidAnswer) {
    socket.destroy();
    return;
  }
  const [status, message] = unparsedAnswers.get(code) ?? ['400 Bad Request', 'The request is not valid HTTP'];
  // Whose client it is, nobody knows: each vendor's looks for its own name.
  const body = JSON.stringify({ error: message, message });
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

const unparsedAnswers = new Map<string, [status: string, message: string]>([
  ['HPE_HEADER_OVERFLOW', ['431 Request Header Fields Too Large', 'The headers are too long']],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['408 Request Timeout', 'The request took too long']],
]);
