import { type ArchiveHome, makeHome, phoneOf } from './archive-home.ts';
import type { Bench } from './benchmark.ts';
import type { LoadedCall } from './bulk-loader.ts';

const callsPerLoad = 50_000;

/** The most calls of one customer in a large home. */
export const callsPerCustomer = 4;

/** A large home and its calls, in the order of age. */
export type LargeHome = ArchiveHome & { calls: LoadedCall[] };

/**
 * Makes a home of many calls, `session-0` and so on, which have all their rows, tokens and sealed parts, but no
 * recordings. A customer's calls lie far apart.
 */
export async function makeLargeHome(bench: Bench, name: string, count: number): Promise<LargeHome> {
  const calls: LoadedCall[] = [];
  const { home, credentials } = await makeHome(bench, name, async (loader) => {
    for (let from = 0; from < count; from += callsPerLoad) {
      const some = Math.min(callsPerLoad, count - from);
      const loaded = await loader.load(Array.from({ length: some }, (_, i) => callOf(from + i, count)));
      for (const call of loaded) calls.push(call);
      bench.say(`${from + some} of ${count} calls loaded`);
    }
  });
  return { home, credentials, calls };
}

/** How many customers the calls of a large home belong to: `phoneOf` of 0 to just below that. */
export function customersOf(calls: number): number {
  return Math.ceil(calls / callsPerCustomer);
}

function callOf(i: number, calls: number) {
  const phone = phoneOf(i % customersOf(calls));
  return { sessionId: `session-${i}`, phone, startedAt: 1_750_000_000_000 + i * 1000, recording: null };
}
