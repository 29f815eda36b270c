import { Command } from 'commander';
import { openApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { type FsckReport, fsck } from '../engine/fsck/fsck.ts';
import { hasCode } from '../model/errors.ts';
import type { Surroundings } from './command-line.ts';
import { exitCodeOf, exitCodes, explain } from './exit-codes.ts';
import { print, withoutFaults } from './with-app.ts';

/** `tacet fsck`: 0 clean, 1 damage, 2 could not run. Work in progress is not damage. */
export function fsckCommand(around: Surroundings): Command {
  return new Command('fsck')
    .description('Re-read rows, key pages, blobs and journal and say what does not agree')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      try {
        const report = await look(around);
        print(options.json, report);
        around.exitWith(report.problems.length === 0 ? exitCodes.ok : exitCodes.failed);
      } catch (error) {
        process.stderr.write(`tacet: ${explain(error)}\n`);
        around.exitWith(exitCodeOfFsck(error));
      }
    });
}

async function look(around: Surroundings): Promise<FsckReport> {
  const app = await openApp(readConfig(withoutFaults(around.env)));
  try {
    return await fsck(app.engine);
  } finally {
    await app.close();
  }
}

/** 1 is said of damage alone. A restored or foreign database has its own code here as everywhere. */
function exitCodeOfFsck(error: unknown): number {
  const code = exitCodeOf(error);
  return code === exitCodes.failed && !hasCode(error, 'damage') ? exitCodes.unusable : code;
}
