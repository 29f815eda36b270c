import { Command } from 'commander';
import { buildServer } from '../http/server.ts';
import { stderrLog } from '../lib/log.ts';
import type { Surroundings } from './command-line.ts';
import { withApp } from './with-app.ts';

/** After SIGTERM the process ends within this time, whatever still runs. */
const lastResortMs = 14_000;

/** After SIGTERM, requests under way have this long before their connections are cut. */
const patienceMs = 5_000;

/** `tacet serve`: the API, and a worker unless TACET_WORKERS is 0. */
export function serveCommand(around: Surroundings): Command {
  return new Command('serve').description('Serve the API, with a worker of its own').action(async () => {
    await withApp(around, async (app, config) => {
      const server = buildServer(app.engine, { trustProxy: config.trustProxy });
      const address = await server.listen({ host: config.listen.host, port: config.listen.port });
      app.startBackground(config.workers);
      const end = untilToldToEnd();
      process.stdout.write(`listening on ${address}\n`);
      await end;
      const cut = setTimeout(() => server.server.closeAllConnections(), patienceMs);
      cut.unref();
      await server.close();
    });
  });
}

/** `tacet work`: a worker without the API, beside any number of others. */
export function workCommand(around: Surroundings): Command {
  return new Command('work').description('Run erasures without serving the API').action(async () => {
    await withApp(around, async (app, config) => {
      app.startBackground(Math.max(1, config.workers));
      const end = untilToldToEnd();
      process.stdout.write('working\n');
      await end;
    });
  });
}

/** Listens for signals from its call on, so that one that comes the moment we say that we are up ends us in order too. */
async function untilToldToEnd(): Promise<void> {
  // Nothing else may keep a process alive that waits only for its listener.
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const timer = setTimeout(() => {
    stderrLog.error('shutdown.took_too_long');
    process.exit(1);
  }, lastResortMs);
  timer.unref();
}
