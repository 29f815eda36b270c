/** Archives that move, and where they go. */
import { expect } from 'vitest';
import { Stage } from '../restore/stage.ts';
import { scalePlaces } from '../support/pair.ts';
import type { TestBucket } from '../support/s3-server.ts';
import type { Servers } from '../support/servers.ts';
import { startTacet } from '../support/tacet-process.ts';

/** A database and a bucket that a move may fill. */
export type Target = {
  /** What `tacet move` is told. */
  args: string[];
  databaseUrl: string;
  bucket: TestBucket;
  /** Settings of the archive once it is there. */
  env: Record<string, string>;
  /** What any command that is to reach the bucket needs. */
  credentials: Record<string, string>;
  remove(): Promise<void>;
};

/** An empty target, its bucket versioned and with object lock. */
export async function newTarget(servers: Servers): Promise<Target> {
  const { env, bucket, remove } = await scalePlaces(servers);
  const { TACET_DATABASE_URL = '', TACET_BLOBS_URL = '', ...credentials } = env;
  return {
    args: ['--to-database', TACET_DATABASE_URL, '--to-blobs', TACET_BLOBS_URL],
    databaseUrl: TACET_DATABASE_URL,
    bucket,
    env: { TACET_DATABASE_URL, TACET_BLOBS_URL },
    credentials,
    remove,
  };
}

/** The key of every object version that a bucket has, delete markers included; tests have few of them. */
export async function versionsIn({ s3, place }: TestBucket): Promise<string[]> {
  const page = await s3.listObjectVersions({ Bucket: place.bucket });
  if (page.IsTruncated) throw new Error('more versions than one page has');
  return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map((one) => one.Key ?? '');
}

/** The same archive, with its vault, in its new place. */
export function movedStage(stage: Stage, target: Target): Stage {
  const moved = new Stage({ ...stage.env, ...target.env });
  for (const [call, id] of stage.ids) moved.ids.set(call, id);
  return moved;
}

/** Runs the command to its end, which must be a good one, and returns its JSON. */
export async function move(stage: Stage, target: Target): Promise<Record<string, unknown>> {
  const ended = await startTacet(['move', ...target.args, '--json'], { ...stage.env, ...target.credentials }).ended;
  expect(ended.code, ended.errors).toBe(0);
  // What our own command has just printed.
  return JSON.parse(ended.output) as Record<string, unknown>;
}

/** The exit code of a command that looks at the archive. */
export async function codeOfLook(env: Record<string, string>): Promise<number | null> {
  return (await startTacet(['keys', 'status'], env).ended).code;
}
