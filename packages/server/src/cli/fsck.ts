import { Command } from 'commander';
import { openApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { type Counts, type FsckReport, type Locked, nothingLocked, type Problem } from '../engine/fsck/findings.ts';
import { fsck } from '../engine/fsck/fsck.ts';
import { malformedDetail } from '../engine/fsck/malformed.ts';
import { problemMeanings } from '../engine/fsck/problem-meanings.ts';
import { hasCode } from '../model/errors.ts';
import type { Surroundings } from './command-line.ts';
import { exitCodeOf, exitCodes, explain } from './exit-codes.ts';
import { faultsFrom } from './fault-injection.ts';
import { print, withoutFaults } from './with-app.ts';

type Options = { deep?: boolean; repair?: boolean; json?: boolean };

/**
 * `tacet fsck`: 0 clean or all repaired, 1 damage left, 2 could not run. Work in progress is not damage.
 *
 * With `--json` one document: `{ "clean", "deep", "problems": [{ "code", "what", "repaired"? }], "counts": { ... },
 * "locked": { "items", "blobs", "until", "withoutEnd" }, "repairs": [{ "code", "what" }] }`. `repaired` is there with
 * `--repair` only. `counts` are numbers by what was counted, with `--deep` also `byTenant`: by tenant id `{ "calls", "tasks",
 * "candidates", "users", "artifacts": { kind: number }, "recordingBytes", "tokens": { kind: number }, "tombstones" }`.
 * `locked` says what waits for a lock of the blob store, which is no damage: `until` (ISO 8601 or null) is the end of the last
 * one that has an end. Codes are listed with their meaning in `engine/fsck/problem-meanings.ts`.
 */
export function fsckCommand(around: Surroundings): Command {
  return new Command('fsck')
    .description('Re-read rows, key pages, blobs and journal and say what does not agree')
    .option('--deep', 'also open everything that is sealed: rows wholly, of recordings both ends')
    .option('--repair', 'repair what cannot harm anything that lives, then look again')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: Options) => {
      try {
        const report = await look(around, options);
        if (options.json) print(true, report);
        else process.stdout.write(readable(report));
        around.exitWith(report.clean ? exitCodes.ok : exitCodes.failed);
      } catch (error) {
        process.stderr.write(`tacet: ${explain(error)}\n`);
        around.exitWith(exitCodeOfFsck(error));
      }
    });
}

async function look(around: Surroundings, { deep = false, repair = false }: Options): Promise<FsckReport> {
  try {
    // Faults are armed for a repair alone: looking changes nothing.
    const parts = repair ? { faults: faultsFrom(around.env) } : {};
    const app = await openApp(readConfig(withoutFaults(around.env)), parts);
    try {
      return await fsck(app.engine, { deep, repair });
    } finally {
      await app.close();
    }
  } catch (error) {
    const what = malformedDetail(error);
    if (what === undefined) throw error;
    // So damaged that it could not even be opened: that is what we were asked to find out.
    const problems: Problem[] = [{ code: 'database_malformed', what }];
    return { clean: false, deep, problems, counts: {}, locked: nothingLocked, repairs: [] };
  }
}

/** Counts, repairs, then each problem in a line with its meaning and what to do about it. */
function readable(report: FsckReport): string {
  const lines = countLines(report.counts, '');
  lines.push(...lockedLines(report.locked));
  for (const { code, what } of report.repairs) lines.push(`repaired: ${what} (${code})`);
  for (const problem of report.problems) lines.push(problemLine(problem));
  const left = report.problems.filter((problem) => problem.repaired !== true).length;
  lines.push(report.clean ? 'clean' : `damaged: ${left} ${left === 1 ? 'problem' : 'problems'}`);
  return `${lines.join('\n')}\n`;
}

function countLines(counts: Counts | Readonly<Record<string, unknown>>, indent: string): string[] {
  return Object.entries(counts).flatMap(([name, value]) => {
    if (typeof value !== 'object' || value === null) return [`${indent}${name}: ${String(value)}`];
    return [`${indent}${name}:`, ...countLines({ ...value }, `${indent}  `)];
  });
}

/** One line where anything waits for a lock; none otherwise. */
function lockedLines({ items, blobs, until, withoutEnd }: Locked): string[] {
  if (items + blobs === 0) return [];
  const last = until === null ? [] : [`the last until ${until}`];
  const endless = withoutEnd === 0 ? [] : [`until somebody lifts the lock: ${withoutEnd}`];
  return [[`locked: items of erasures: ${items}`, `other blobs: ${blobs}`, ...last, ...endless].join(', ')];
}

function problemLine({ code, what, repaired }: Problem): string {
  const { means, todo } = problemMeanings[code];
  return repaired === true ? `${code}, repaired: ${what}: ${means}` : `${code}: ${what}: ${means}. ${todo}`;
}

/** 1 is said of damage alone. A restored or foreign database has its own code here as everywhere. */
function exitCodeOfFsck(error: unknown): number {
  const code = exitCodeOf(error);
  return code === exitCodes.failed && !hasCode(error, 'damage') ? exitCodes.unusable : code;
}
