import { Command } from 'commander';
import type { Surroundings } from './command-line.ts';
import { keysStatusOf, statusJson, statusLines } from './keys-status.ts';
import { print, withApp } from './with-app.ts';

/** `tacet keys status | seal`. */
export function keysCommands(around: Surroundings): Command {
  const keys = new Command('keys').description('The key tree: root keys and seals');
  keys
    .command('seal')
    .description('Seal now: everything destroyed so far is beyond the live keys')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const head = await withApp(around, async ({ engine }) => {
        const sealed = await engine.sealer.sealed();
        // The seal stands without it; whoever asks for one by hand is to learn of keys that are left.
        await engine.rootKeys.lockAway();
        return sealed;
      });
      print(options.json, { generation: head.generation, sealedAt: new Date(head.sealedAt).toISOString() });
    });
  keys
    .command('status')
    .description('Root keys and when they die, how long backups open, token epochs')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const status = await withApp(around, keysStatusOf);
      if (options.json) print(true, statusJson(status));
      else
        process.stdout.write(
          statusLines(status)
            .map((line) => `${line}\n`)
            .join(''),
        );
    });
  return keys;
}
