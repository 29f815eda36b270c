import { on } from 'node:events';
import { Command } from 'commander';
import { type CertificateFiles, type Config, type Listen, readConfig } from '../config.ts';
import type { Engine } from '../engine/context.ts';
import { buildServer, type ServerOptions } from '../http/server.ts';
import { TlsListeners } from '../http/tls.ts';
import { type Log, stderrLog } from '../lib/log.ts';
import { AppError, codeOf } from '../model/errors.ts';
import { readCertificate } from './certificate.ts';
import type { Surroundings } from './command-line.ts';
import { listening } from './listening.ts';
import { withoutFaults } from './with-app.ts';
import { withMeteredApp } from './with-metered-app.ts';

type HttpServer = ReturnType<typeof buildServer>;
type ListenName = 'TACET_LISTEN' | 'TACET_LENIENT_LISTEN';

/** After SIGTERM the process ends within this time, whatever still runs. */
const lastResortMs = 14_000;

/** Addresses that stand for every one that this machine has, as a socket names them. */
const wildcards: readonly string[] = ['0.0.0.0', '::'];

/**
 * `tacet serve`: the API, and a worker unless TACET_WORKERS is 0. On SIGHUP it reads its TLS certificate again; without one it
 * ends, as processes do.
 */
export function serveCommand(around: Surroundings): Command {
  return new Command('serve').description('Serve the API, with a worker of its own').action(async () => {
    const end = untilToldToEnd();
    const config = readConfig(withoutFaults(around.env));
    const files = config.listen.certificate ?? config.lenientListen?.certificate ?? null;
    // With a certificate SIGHUP ends nothing from here on, and one that comes while we start is not lost.
    const hangUps = files === null ? undefined : on(process, 'SIGHUP');
    // Before the archive is opened: a certificate is a setting, and may be of no use.
    const tls = files === null ? undefined : new TlsListeners(await readCertificate(files));
    await withMeteredApp(around, async (app, _config, metricsUrl) => {
      const listeners = await openListeners(app.engine, config, tls);
      app.startBackground(config.workers);
      if (files !== null && tls !== undefined && hangUps !== undefined) {
        void renewAtEach(hangUps, { files, tls, log: app.engine.log });
      }
      sayMetrics(metricsUrl);
      if (listeners.lenient !== undefined) process.stdout.write(`lenient listener at ${listeners.lenient}\n`);
      process.stdout.write(`listening on ${listeners.main}\n`);
      try {
        await Promise.race([end, app.lost]);
      } finally {
        await listeners.close();
      }
    });
  });
}

/** `tacet work`: a worker without the API, beside any number of others. */
export function workCommand(around: Surroundings): Command {
  return new Command('work').description('Run erasures without serving the API').action(async () => {
    const end = untilToldToEnd();
    await withMeteredApp(around, async (app, config, metricsUrl) => {
      app.startBackground(Math.max(1, config.workers));
      sayMetrics(metricsUrl);
      process.stdout.write('working\n');
      await Promise.race([end, app.lost]);
    });
  });
}

/** Once, and not in the words that belong to the API. */
function sayMetrics(url: string | undefined): void {
  if (url !== undefined) process.stdout.write(`metrics at ${url}\n`);
}

/** Where the API can be reached, as the base of its URLs. */
type Listeners = { main: string; lenient?: string; close(): Promise<void> };

/** Listens wherever the configuration says, or nowhere. */
async function openListeners(engine: Engine, config: Config, tls: TlsListeners | undefined): Promise<Listeners> {
  const servers: HttpServer[] = [];
  const close = async () => {
    await Promise.all(servers.map((server) => server.close()));
  };
  let main = '';
  const publicUrl = () => config.publicUrl ?? main;
  const open = async (name: ListenName, at: Listen, options: Pick<ServerOptions, 'trustProxy' | 'isLenient'>) => {
    const { rateLimit, corsOrigins } = config;
    const shared = { publicUrl, rateLimit, corsOrigins };
    const server = buildServer(engine, { ...options, ...shared, ...(at.certificate !== null && tls && { tls }) });
    servers.push(server);
    return await listen(server, name, at);
  };
  try {
    main = await open('TACET_LISTEN', config.listen, { trustProxy: config.trustProxy });
    if (config.publicUrl === null && servers.some(isEverywhere)) engine.log.warn('public_url.unset', { links: main });
    if (config.lenientListen === null) return { main, close };
    // No proxy may stand before it, so that forwarded headers are anybody's.
    const options = { trustProxy: [], isLenient: true };
    return { main, lenient: await open('TACET_LENIENT_LISTEN', config.lenientListen, options), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** True where no one address is the server's, so that links can only guess by which name their readers reach it. */
function isEverywhere(server: HttpServer): boolean {
  return server.addresses().some((at) => typeof at !== 'string' && wildcards.includes(at.address));
}

async function listen(server: HttpServer, name: ListenName, at: Listen): Promise<string> {
  const { host, port, certificate } = at;
  const address = await listening(name, at, async () => await server.listen({ host, port }));
  // Fastify does not look at a server that it has not made.
  return certificate === null ? address : address.replace(/^http:/, 'https:');
}

type Renewal = { files: CertificateFiles; tls: TlsListeners; log: Log };

/** Reads the certificate again at each of these signals. One that is of no use changes nothing, and the log says why. */
async function renewAtEach(signals: AsyncIterable<unknown>, { files, tls, log }: Renewal): Promise<void> {
  for await (const _signal of signals) {
    try {
      tls.renew(await readCertificate(files));
      log.info('tls.reloaded');
    } catch (error) {
      // The words are of ours, and name the setting, never the file.
      const why = error instanceof AppError ? { problem: error.message, detail: error.detail } : {};
      log.error('tls.reload_failed', { code: codeOf(error), ...why });
    }
  }
}

/**
 * Listens for signals from its call on, so that one that comes while we start ends us in order too. It goes on listening:
 * whoever sends a signal twice, as process managers do, must not end us in the middle of ending.
 */
async function untilToldToEnd(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
  const timer = setTimeout(() => {
    stderrLog.error('shutdown.took_too_long');
    process.exit(1);
  }, lastResortMs);
  timer.unref();
}
