import { Command } from 'commander';
import type { Surroundings } from './command-line.ts';
import { print, withApp } from './with-app.ts';

/** `tacet keys status | seal`. */
export function keysCommands(around: Surroundings): Command {
  const keys = new Command('keys').description('The key tree: root keys and seals');
  keys
    .command('seal')
    .description('Seal now: everything destroyed so far is beyond the live keys')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const head = await withApp(around, async (app) => await app.engine.sealer.sealed());
      print(options.json, { generation: head.generation, sealedAt: new Date(head.sealedAt).toISOString() });
    });
  keys
    .command('status')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const status = await withApp(around, async (app) => await app.engine.rootKeys.status());
      const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
      print(options.json, {
        archiveId: status.archiveId,
        generation: status.generation,
        sealedAt: iso(status.sealedAt),
        horizonMs: status.horizonMs,
        rootKeys: status.rootKeys.map((key) => ({ ...key, diesAt: iso(key.diesAt) })),
      });
    });
  return keys;
}
