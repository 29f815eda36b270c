import { execFile, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { benchmarkNames, loadBenchmark } from './benchmarks.ts';
import type { Bench, Told } from './lib/benchmark.ts';
import { writeDocs } from './lib/docs.ts';
import { cellsOf, columns, type Figure, lineOf, missesAim, seriesOf, verdictOf } from './lib/figure.ts';
import { describeMachine, type Fact, sqliteVersion } from './lib/machine.ts';
import { type RunOptions, readOptions, usage } from './lib/options.ts';
import { scaleNames, wholeScale } from './scale/names.ts';

const names = [...benchmarkNames, ...scaleNames];

/** Room for the young objects of rows by the hundred thousand, which otherwise are collected all the time. */
const roomForRows = '--max-semi-space-size=64';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const isChild = process.send !== undefined;
  const options = readOptions(args, isChild ? [...names, wholeScale] : names);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${usage(names)}\n`);
    return 2;
  }
  if (isChild && options.only !== undefined) return await runHere(options.only, options);
  return await runAll(args, options);
}

/** Runs the benchmarks one after the other, each figure a line as it comes. Exit code 1 where one could not run. */
async function runAll(args: readonly string[], options: RunOptions): Promise<number> {
  const figures: Figure[] = [];
  const facts: Fact[] = [];
  const failed: string[] = [];
  process.stdout.write(`${lineOf(columns)}\n`);
  for (const name of namesOf(options)) {
    const isDone = await runApart(name, args, options, (told) => {
      if ('fact' in told) {
        facts.push(told.fact);
        return;
      }
      figures.push(told.figure);
      show(told.figure);
    });
    if (!isDone) failed.push(name);
  }
  const { suite, sizes, folder = tmpdir() } = options;
  if (options.writeDocs && failed.length === 0) {
    const machine = await describeMachine(folder);
    if (suite === 'embedded') facts.push(['SQLite', await sqliteVersion()]);
    await writeDocs({ suite, sizes, facts: [...machine, ...facts], figures });
  }
  const missed = figures.filter((figure) => verdictOf(figure) === 'MISS').length;
  const short = figures.filter((figure) => verdictOf(figure) !== 'MISS' && missesAim(figure)).length;
  process.stdout.write(`${figures.length} figures, ${missed} miss their bound, ${short} more miss their aim\n`);
  for (const name of failed) process.stderr.write(`${name} could not run\n`);
  return failed.length === 0 ? 0 : 1;
}

function show(figure: Figure): void {
  process.stdout.write(`${lineOf(cellsOf(figure))}\n`);
  const series = seriesOf(figure);
  if (series !== undefined) process.stdout.write(`  ${series}\n`);
}

function namesOf({ only, suite }: RunOptions): readonly string[] {
  if (only !== undefined) return [only];
  return suite === 'scale' ? [wholeScale] : benchmarkNames;
}

/** True when the benchmark ran to its end. */
async function runApart(
  name: string,
  args: readonly string[],
  { suite }: RunOptions,
  see: (told: Told) => void,
): Promise<boolean> {
  const child = fork(fileURLToPath(import.meta.url), [...args, '--only', name], {
    stdio: ['ignore', 2, 2, 'ipc'],
    execArgv: suite === 'scale' ? [...process.execArgv, roomForRows] : process.execArgv,
  });
  // Only `runHere` of this file's own child writes to the channel.
  child.on('message', (told) => see(told as Told));
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Runs one benchmark in this process, the child of another. */
async function runHere(name: string, options: RunOptions): Promise<number> {
  const disk = options.folder ?? tmpdir();
  const folder = await mkdtemp(join(disk, 'tacet-bench-'));
  // Whatever ends this process, gigabytes must not stay behind.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const giveUp = () => process.exit(1);
  for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(signal, giveUp);
  const bench: Bench = {
    sizes: options.sizes,
    disk,
    folder,
    fromSource: options.fromSource,
    profile: options.profile,
    settle: options.quick ? async () => undefined : async () => void (await promisify(execFile)('sync')),
    report: (figure) => void process.send?.({ figure } satisfies Told),
    note: (fact) => void process.send?.({ fact } satisfies Told),
    say: (text) => void process.stderr.write(`${name}, ${Math.round(process.uptime())} s: ${text}\n`),
  };
  try {
    const run = await loadBenchmark(name);
    await run(bench);
    return 0;
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : 'failed'}\n`);
    return 1;
  } finally {
    process.off('disconnect', giveUp);
    process.disconnect();
  }
}
