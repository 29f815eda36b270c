import { Command } from 'commander';
import { openApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { fsck } from '../engine/fsck/fsck.ts';
import { hasCode } from '../model/errors.ts';
import type { Surroundings } from './command-line.ts';
import { exitCodes } from './exit-codes.ts';
import { print, withoutFaults } from './with-app.ts';

/** `tacet fsck`: 0 clean, 1 damage, 2 could not run. Work in progress is not damage. */
export function fsckCommand(around: Surroundings): Command {
  return new Command('fsck')
    .description('Re-read rows, key pages, blobs and journal and say what does not agree')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const app = await openApp(readConfig(withoutFaults(around.env)));
      try {
        const report = await fsck(app.engine);
        print(options.json, report);
        around.exitWith(report.problems.length === 0 ? exitCodes.ok : exitCodes.failed);
      } catch (error) {
        if (!hasCode(error, 'damage')) around.exitWith(exitCodes.unusable);
        else around.exitWith(exitCodes.failed);
        process.stderr.write(`tacet: ${error instanceof Error ? error.message : 'failed'}\n`);
      } finally {
        await app.close();
      }
    });
}
