import { execFile, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { benchmarkNames, loadBenchmark } from './benchmarks.ts';
import type { Bench } from './lib/benchmark.ts';
import { writeDocs } from './lib/docs.ts';
import { cellsOf, columns, type Figure, lineOf, missesAim, verdictOf } from './lib/figure.ts';
import { type RunOptions, readOptions, usage } from './lib/options.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args, benchmarkNames);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${usage(benchmarkNames)}\n`);
    return 2;
  }
  if (process.send !== undefined && options.only !== undefined) return await runHere(options.only, options);
  return await runAll(args, options);
}

/** Runs the benchmarks one after the other, each figure a line as it comes. Exit code 1 where one could not run. */
async function runAll(args: readonly string[], options: RunOptions): Promise<number> {
  const figures: Figure[] = [];
  const failed: string[] = [];
  process.stdout.write(`${lineOf(columns)}\n`);
  for (const name of options.only === undefined ? benchmarkNames : [options.only]) {
    const isDone = await runApart(name, args, (figure) => {
      figures.push(figure);
      process.stdout.write(`${lineOf(cellsOf(figure))}\n`);
    });
    if (!isDone) failed.push(name);
  }
  if (options.writeDocs && failed.length === 0) await writeDocs(figures, options.sizes, options.folder ?? tmpdir());
  const missed = figures.filter((figure) => verdictOf(figure) === 'MISS').length;
  const short = figures.filter((figure) => verdictOf(figure) !== 'MISS' && missesAim(figure)).length;
  process.stdout.write(`${figures.length} figures, ${missed} miss their bound, ${short} more miss their aim\n`);
  for (const name of failed) process.stderr.write(`${name} could not run\n`);
  return failed.length === 0 ? 0 : 1;
}

/** True when the benchmark ran to its end. */
async function runApart(name: string, args: readonly string[], see: (figure: Figure) => void): Promise<boolean> {
  const child = fork(fileURLToPath(import.meta.url), [...args, '--only', name], { stdio: ['ignore', 2, 2, 'ipc'] });
  // Only `report` of this file's own child writes to the channel.
  child.on('message', (figure) => see(figure as Figure));
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Runs one benchmark in this process, the child of another. */
async function runHere(name: string, options: RunOptions): Promise<number> {
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'tacet-bench-'));
  // Whatever ends this process, gigabytes must not stay behind.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const giveUp = () => process.exit(1);
  for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(signal, giveUp);
  const bench: Bench = {
    sizes: options.sizes,
    folder,
    fromSource: options.fromSource,
    profile: options.profile,
    settle: options.quick ? async () => undefined : async () => void (await promisify(execFile)('sync')),
    report: (figure) => void process.send?.(figure),
    say: (text) => void process.stderr.write(`${name}: ${text}\n`),
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
