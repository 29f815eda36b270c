import type { Benchmark } from './lib/benchmark.ts';
import { scaleNames, wholeScale } from './scale/names.ts';

const embedded: Readonly<Record<string, () => Promise<Benchmark>>> = {
  'key-tree': async () => (await import('./key-tree.ts')).benchKeyTree,
  'purge-by-phone': async () => (await import('./purge-by-phone.ts')).benchPurgeByPhone,
  'what-if': async () => (await import('./what-if.ts')).benchWhatIf,
  'creovai-status': async () => (await import('./creovai-status.ts')).benchCreovaiStatus,
  'creovai-purges': async () => (await import('./creovai-purges.ts')).benchCreovaiPurges,
  plans: async () => (await import('./plans.ts')).benchPlans,
  depersonalize: async () => (await import('./depersonalize.ts')).benchDepersonalize,
  archive: async () => (await import('./archive.ts')).benchArchive,
  'long-recording': async () => (await import('./long-recording.ts')).benchLongRecording,
};

/** Those of one machine, SQLite and files, in the order in which they run. */
export const benchmarkNames: readonly string[] = Object.keys(embedded);

/** A benchmark by its name; each is loaded alone, into the process that runs it. */
export async function loadBenchmark(name: string): Promise<Benchmark> {
  if (name === wholeScale) return (await import('./scale/run.ts')).benchScale(scaleNames);
  const part = scaleNames.find((one) => one === name);
  if (part !== undefined) return (await import('./scale/run.ts')).benchScale([part]);
  const load = embedded[name];
  if (load === undefined) throw new Error(`there is no benchmark ${name}`);
  return await load();
}
