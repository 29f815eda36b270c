import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { within } from '../lib/within.ts';
import { AppError } from '../model/errors.ts';
import type { Collector, Meter, Reading } from '../model/meter.ts';
import { type CounterName, type HistogramName, type LabelsOf, type MetricName, metrics } from '../model/metrics.ts';

/** Prometheus gives a page 10 s, unless it is told otherwise. */
const collectLimitMs = 2000;
/** A metric with so few combinations of labels shows all of them from the start. */
const combinationsMax = 64;

/**
 * Keeps the metrics of one process and writes them in the text format of Prometheus (version 0.0.4), with those that
 * prom-client has of any process: event loop, memory, garbage collection, file descriptors.
 */
export class PromMeter implements Meter {
  readonly #collectMsMax: number;
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #gauges = new Map<MetricName, Gauge>();
  #collectors: readonly Collector[] = [];
  /** Collections that have not come back, some of pages that did without them. */
  readonly #collecting = new Map<Collector, Promise<readonly Reading[]>>();
  #page: Promise<string> | undefined;

  /** @param options.collectMsMax how long gauges are waited for, in ms; default 2 s. */
  constructor({ collectMsMax = collectLimitMs } = {}) {
    this.#collectMsMax = collectMsMax;
    for (const [name, metric] of entries()) {
      const options = { name, help: metric.help, labelNames: Object.keys(metric.labels), registers: [this.#registry] };
      // What springs into being at 1 is no increase to Prometheus: the first failure would wake nobody.
      const combinations = combinationsOf(metric.labels);
      if (metric.type === 'gauge') this.#gauges.set(name, new Gauge(options));
      else if (metric.type === 'histogram') {
        const histogram = new Histogram({ ...options, buckets: [...(metric.buckets ?? [])] });
        for (const labels of combinations) histogram.zero(labels);
        this.#histograms.set(name, histogram);
      } else {
        const counter = new Counter(options);
        for (const labels of combinations) counter.inc(labels, 0);
        this.#counters.set(name, counter);
      }
    }
    collectDefaultMetrics({ register: this.#registry });
  }

  count<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#counters.get(name)?.inc(plain(labels), by);
  }

  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, seconds: number): void {
    this.#histograms.get(name)?.observe(plain(labels), Math.max(0, seconds));
  }

  /** The collectors of every page from now on. */
  collectBy(collectors: readonly Collector[]): void {
    this.#collectors = collectors;
  }

  /** What `page` is written in. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /**
   * The page as of now; whoever asks while one is being made gets that one. Gauges whose collector fails, or takes too long,
   * are not on it, and nothing else suffers.
   */
  async page(): Promise<string> {
    this.#page ??= this.#write().finally(() => {
      this.#page = undefined;
    });
    return await this.#page;
  }

  async #write(): Promise<string> {
    const collected = await Promise.all(this.#collectors.map(async (one) => await this.#collected(one)));
    for (const gauge of this.#gauges.values()) clear(gauge);
    for (const { name, labels, value } of collected.flat()) this.#gauges.get(name)?.set(labels, value);
    return await this.#registry.metrics();
  }

  async #collected(collector: Collector): Promise<readonly Reading[]> {
    try {
      return await within(this.#collectMsMax, this.#collect(collector), tooSlow);
    } catch {
      this.count('tacet_collect_failures_total', { collector: collector.name });
      return [];
    }
  }

  /** One that still runs is waited for, and not begun once more: what does not answer must not be asked ever more often. */
  async #collect(collector: Collector): Promise<readonly Reading[]> {
    let collecting = this.#collecting.get(collector);
    if (collecting === undefined) {
      collecting = collector.collect().finally(() => this.#collecting.delete(collector));
      this.#collecting.set(collector, collecting);
    }
    return await collecting;
  }
}

function tooSlow(): AppError {
  return new AppError('internal', { detail: 'a gauge took too long' });
}

/** Labels as prom-client takes them. The table gives every label texts for values, which TypeScript does not see of a name. */
function plain(labels: object): Record<string, string> {
  return labels as Record<string, string>;
}

type AnyMetric = { type: string; labels: Labels; help: string; buckets?: readonly number[] };
type Labels = Readonly<Record<string, readonly string[] | 'route patterns'>>;

/** Names and metrics, which `Object.entries` types by no more than text. */
function entries(): [MetricName, AnyMetric][] {
  return Object.entries(metrics) as [MetricName, AnyMetric][];
}

/** Every combination of the labels' values; none where there are too many, or where one is a route. */
function combinationsOf(labels: Labels): Record<string, string>[] {
  let combinations: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if (values === 'route patterns') return [];
    combinations = combinations.flatMap((one) => values.map((value) => ({ ...one, [label]: value })));
  }
  return combinations.length > combinationsMax ? [] : combinations;
}

/** A gauge that nobody has read says nothing, where `reset` alone would leave a 0. */
function clear(gauge: Gauge): void {
  gauge.reset();
  gauge.remove({});
}
