import { Command } from 'commander';
import { openApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { buildServer } from '../http/server.ts';
import { stderrLog } from '../lib/log.ts';
import type { Surroundings } from './command-line.ts';
import { faultsFrom } from './fault-injection.ts';
import { withoutFaults } from './with-app.ts';

/** After SIGTERM the process ends within this time, whatever still runs. */
const lastResortMs = 14_000;

/** After SIGTERM, requests under way have this long before their connections are cut. */
const patienceMs = 5_000;

/** `tacet serve`: the API, and a worker unless TACET_WORKERS is 0. */
export function serveCommand(around: Surroundings): Command {
  return new Command('serve').description('Serve the API, with a worker of its own').action(async () => {
    const config = readConfig(withoutFaults(around.env));
    const app = await openApp(config, { faults: faultsFrom(around.env) });
    await app.prepare();
    const server = buildServer(app.engine, { trustProxy: config.trustProxy });
    const address = await server.listen({ host: config.listen.host, port: config.listen.port });
    app.startBackground(config.workers);
    process.stdout.write(`listening on ${address}\n`);
    await untilToldToEnd();
    const cut = setTimeout(() => server.server.closeAllConnections(), patienceMs);
    cut.unref();
    await server.close();
    await app.close();
  });
}

/** `tacet work`: a worker without the API, beside any number of others. */
export function workCommand(around: Surroundings): Command {
  return new Command('work').description('Run erasures without serving the API').action(async () => {
    const config = readConfig(withoutFaults(around.env));
    const app = await openApp(config, { faults: faultsFrom(around.env) });
    await app.prepare();
    app.startBackground(Math.max(1, config.workers));
    process.stdout.write('working\n');
    await untilToldToEnd();
    await app.close();
  });
}

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
