import type { Benchmark } from './lib/benchmark.ts';

const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  'key-tree': async () => (await import('./key-tree.ts')).benchKeyTree,
  'purge-by-phone': async () => (await import('./purge-by-phone.ts')).benchPurgeByPhone,
  'what-if': async () => (await import('./what-if.ts')).benchWhatIf,
  'creovai-status': async () => (await import('./creovai-status.ts')).benchCreovaiStatus,
  'creovai-purges': async () => (await import('./creovai-purges.ts')).benchCreovaiPurges,
  depersonalize: async () => (await import('./depersonalize.ts')).benchDepersonalize,
  archive: async () => (await import('./archive.ts')).benchArchive,
  'long-recording': async () => (await import('./long-recording.ts')).benchLongRecording,
};

/** In the order in which they run. */
export const benchmarkNames: readonly string[] = Object.keys(benchmarks);

/** A benchmark by its name; each is loaded alone, into the process that runs it. */
export async function loadBenchmark(name: string): Promise<Benchmark> {
  const load = benchmarks[name];
  if (load === undefined) throw new Error(`there is no benchmark ${name}`);
  return await load();
}
