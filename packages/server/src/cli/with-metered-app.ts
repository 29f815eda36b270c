import type { App } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import type { Engine } from '../engine/context.ts';
import { collectorsOf } from '../engine/upkeep/readings.ts';
import { listenForMetrics, type MetricsListener } from '../metrics/listener.ts';
import { PromMeter } from '../metrics/prom-meter.ts';
import type { Surroundings } from './command-line.ts';
import { listening } from './listening.ts';
import { withApp, withoutFaults } from './with-app.ts';

/**
 * `withApp` for commands that go on for long: with TACET_METRICS_LISTEN set, what they do is measured, and told there while
 * `work` runs. `work` gets the address of the page, or undefined, to say it when it is time.
 */
export async function withMeteredApp(
  around: Surroundings,
  work: (app: App, config: Config, metricsUrl: string | undefined) => Promise<void>,
): Promise<void> {
  const { metricsListen: at } = readConfig(withoutFaults(around.env));
  if (at === null) return await withApp(around, async (app, config) => await work(app, config, undefined));
  const meter = new PromMeter();
  await withApp(
    around,
    async (app, config) => {
      const listener = await openMetrics(app.engine, meter, at);
      try {
        await work(app, config, listener.url);
      } finally {
        await listener.close();
      }
    },
    { meter },
  );
}

async function openMetrics(
  engine: Engine,
  meter: PromMeter,
  at: { host: string; port: number },
): Promise<MetricsListener> {
  meter.collectBy(collectorsOf(engine));
  return await listening('TACET_METRICS_LISTEN', at, async () => await listenForMetrics(at, meter));
}
