import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import Database from 'better-sqlite3';
import { syncFolder, systemError } from '../lib/durable-files.ts';
import type { CopyOptions } from '../model/copy-options.ts';
import { AppError } from '../model/errors.ts';

/*
 * A copy is made by VACUUM INTO, not by SQLite's page-by-page backup:
 *
 * - It writes rows, so nothing deleted comes along. The other copies pages, and although `secure_delete` leaves only zeros
 *   in free ones, pages in use keep stale copies of cells that were moved when a page was split or merged and deleted
 *   afterwards (measured: 15 of 22,000 deleted rows were still readable in the file and in such a copy, none in this one).
 * - It is one statement, and so one read transaction: it sees one instant, and no writer, in whatever process, can starve it
 *   or make it begin again. The other begins again at every foreign write unless a read transaction is held around it.
 * - What it writes is one file with a rollback journal, without free pages.
 *
 * One statement also stops its thread for as long as it takes, and nothing but the end of its process can stop it. So it
 * has a process of its own.
 */

/** Runs the statement. Plain JavaScript, since it starts without whatever compiles this file. */
const copying = `
const { parentPort, workerData } = require('node:worker_threads');
const Database = require(workerData.driver);
let answer = 'copied';
try {
  const database = new Database(workerData.source, { fileMustExist: true, readonly: true, timeout: workerData.timeoutMs });
  database.prepare('VACUUM INTO ?').run(workerData.target);
  database.close();
} catch (error) {
  answer = String(error.code ?? 'unknown');
}
parentPort.postMessage(answer);
`;

/** Runs the thread above, prints its answer, and dies at once when the process that started it does. */
const copier = `
const { Worker } = require('node:worker_threads');
const { thread, workerData } = JSON.parse(process.argv[1]);
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).resume();
new Worker(thread, { eval: true, workerData }).once('message', (answer) => {
  process.stdout.write(answer);
  process.stdin.destroy();
});
`;

const driver = createRequire(import.meta.url).resolve('better-sqlite3');
// A reader waits only for a neighbour who recovers the log, which takes milliseconds.
const timeoutMs = 10_000;
const progressEveryMs = 1000;
const failedCopy = 'The database could not be copied';

/** Copies the database in `source` as `Store.copyTo` promises it. */
export async function copyDatabase(source: string, target: string, options: CopyOptions): Promise<void> {
  options.signal?.throwIfAborted();
  makeFile(target);
  try {
    const totalBytes = bytesInUse(source);
    const told = setInterval(() => tellProgress(target, totalBytes, options), progressEveryMs);
    try {
      await runCopier(source, target, options.signal);
    } finally {
      clearInterval(told);
    }
    await makeDurable(target);
  } catch (error) {
    for (const file of [target, `${target}-journal`]) rmSync(file, { force: true });
    throw failureOf(error);
  }
}

/** An empty file for the owner alone. SQLite would make it for everybody whom the process lets in. */
function makeFile(target: string): void {
  try {
    closeSync(openSync(target, 'wx', 0o600));
  } catch (error) {
    throw failureOf(error);
  }
}

/** What a copy will come to: the pages that are not free. */
function bytesInUse(source: string): number {
  const database = new Database(source, { fileMustExist: true, readonly: true, timeout: timeoutMs });
  try {
    const number = (pragma: string) => Number(database.pragma(pragma, { simple: true }));
    return (number('page_count') - number('freelist_count')) * number('page_size');
  } finally {
    database.close();
  }
}

function tellProgress(target: string, totalBytes: number, { onProgress }: CopyOptions): void {
  const doneBytes = statSync(target, { throwIfNoEntry: false })?.size ?? 0;
  onProgress?.({ doneBytes: Math.min(doneBytes, totalBytes), totalBytes });
}

/** Resolves when the copy is made. Its process has ended when this settles, however it does. */
async function runCopier(source: string, target: string, signal: AbortSignal | undefined): Promise<void> {
  const task = JSON.stringify({ thread: copying, workerData: { driver, source, target, timeoutMs } });
  const args = ['--input-type=commonjs', '-e', copier, task];
  // Detached: an interrupt from the keyboard reaches us alone, and we end it.
  const child = spawn(process.execPath, args, { detached: true, env: {}, stdio: ['pipe', 'pipe', 'ignore'] });
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop);
  try {
    const answer = await answerOf(child);
    signal?.throwIfAborted();
    if (answer !== 'copied') throw new AppError('store_failed', { message: failedCopy, detail: answer });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** What a process has printed when it has ended; the signal's name, or nothing, where it did not come to that. */
async function answerOf(child: ChildProcessByStdio<Writable, Readable, null>): Promise<string> {
  let answer = '';
  child.stdout.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (_, signal) => resolve(signal ?? answer));
  });
}

async function makeDurable(target: string): Promise<void> {
  const file = await open(target, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(target));
}

/** Without the cause of a system error: Node puts whole paths into messages. What a caller gave us passes unchanged. */
function failureOf(error: unknown): unknown {
  const detail = error instanceof Database.SqliteError ? error.code : systemError(error)?.code;
  if (detail === undefined) return error;
  return new AppError('store_failed', { message: failedCopy, detail });
}
