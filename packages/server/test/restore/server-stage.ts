/** An archive on PostgreSQL and S3, whose database is copied and put back by the server's own tools. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { movedStage, newTarget, type Target } from '../move/moves.ts';
import { newDatabase, type PostgresServer, type TestDatabase } from '../support/postgres.ts';
import type { Servers } from '../support/servers.ts';
import { startTacet } from '../support/tacet-process.ts';
import { Stage } from './stage.ts';

const run = promisify(execFile);

/** A database and a bucket with an archive, and its vault in the folder of the stage. */
export type ServerStage = { stage: Stage; target: Target };

export async function newServerStage(servers: Servers): Promise<ServerStage> {
  const target = await newTarget(servers);
  return { stage: new Stage(target.env), target };
}

/** The same archive on another database. */
export function onDatabase(
  { stage, target }: ServerStage,
  url: string,
  settings: Record<string, string> = {},
): ServerStage {
  const there = { ...target, databaseUrl: url, env: { ...target.env, ...settings, TACET_DATABASE_URL: url } };
  return { stage: movedStage(stage, there), target: there };
}

/** A copy of one instant, beside whoever works. */
export async function dump({ stage, target }: ServerStage, name: string): Promise<string> {
  const file = join(stage.folder, name);
  await run('pg_dump', ['--format=custom', '--no-owner', '--file', file, target.databaseUrl]);
  return file;
}

/** Puts a copy into a new database of the server. */
export async function putBack(server: PostgresServer, file: string): Promise<TestDatabase> {
  const database = await newDatabase(server);
  await run('pg_restore', ['--no-owner', '--exit-on-error', '--dbname', database.url, file]);
  return database;
}

/** Everything that the database's rows hold, as text; bytes in hexadecimal. */
export async function textOf({ stage, target }: ServerStage): Promise<string> {
  const file = join(stage.folder, 'text.sql');
  await run('pg_dump', ['--format=plain', '--file', file, target.databaseUrl]);
  return await readFile(file, 'utf8');
}

/** Runs a command on the archive. */
export async function command({ stage, target }: ServerStage, ...args: string[]) {
  return await startTacet(args, { ...stage.env, ...target.credentials, TACET_LISTEN: '127.0.0.1:0' }).ended;
}

/** `tacet restore`, which must come to a good end. */
export async function restored(at: ServerStage): Promise<unknown> {
  const ended = await command(at, 'restore', '--json');
  expect(ended.code, ended.errors).toBe(0);
  return JSON.parse(ended.output);
}
