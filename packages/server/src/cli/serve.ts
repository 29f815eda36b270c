import { Command } from 'commander';
import { buildServer } from '../http/server.ts';
import { stderrLog } from '../lib/log.ts';
import type { Surroundings } from './command-line.ts';
import { withApp } from './with-app.ts';

/** After SIGTERM the process ends within this time, whatever still runs. */
const lastResortMs = 14_000;

/** After SIGTERM, requests under way have this long before their connections are cut. */
const patienceMs = 5_000;

/** How often, meanwhile, connections are closed whose requests have been answered. */
const idleMs = 50;

/** `tacet serve`: the API, and a worker unless TACET_WORKERS is 0. */
export function serveCommand(around: Surroundings): Command {
  return new Command('serve').description('Serve the API, with a worker of its own').action(async () => {
    const end = untilToldToEnd();
    await withApp(around, async (app, config) => {
      const server = buildServer(app.engine, { trustProxy: config.trustProxy });
      const address = await server.listen({ host: config.listen.host, port: config.listen.port });
      app.startBackground(config.workers);
      process.stdout.write(`listening on ${address}\n`);
      await end;
      await closeServer(server);
    });
  });
}

/** `tacet work`: a worker without the API, beside any number of others. */
export function workCommand(around: Surroundings): Command {
  return new Command('work').description('Run erasures without serving the API').action(async () => {
    const end = untilToldToEnd();
    await withApp(around, async (app, config) => {
      app.startBackground(Math.max(1, config.workers));
      process.stdout.write('working\n');
      await end;
    });
  });
}

/** Waits for the requests under way, but not for ever, and not for what their clients may yet ask on a connection kept. */
async function closeServer(server: ReturnType<typeof buildServer>): Promise<void> {
  const { server: sockets } = server;
  const idle = setInterval(() => sockets.closeIdleConnections(), idleMs);
  const cut = setTimeout(() => sockets.closeAllConnections(), patienceMs);
  try {
    await server.close();
  } finally {
    clearInterval(idle);
    clearTimeout(cut);
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
