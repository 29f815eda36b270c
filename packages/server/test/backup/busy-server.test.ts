import { cp, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readBackup, verifyBackup } from '../../src/backup/read-backup.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { type BackupScene, fillDatabase, putTogether, startBackupScene } from './backup-scene.ts';

let scene: BackupScene;
let server: TacetProcess;
let client: CreovaiClient;

beforeAll(async () => {
  scene = await startBackupScene();
  await scene.run(['tenant', 'create', 'busy', '--json']);
  const { output } = await scene.run(['client', 'create', '--tenant', 'busy', '--scopes', 'all', '--json']);
  const { clientId, clientSecret } = JSON.parse(output) as { clientId: string; clientSecret: string };
  // A copy of this takes as long as some dozens of uploads and purges.
  fillDatabase(scene.home, 64);
  server = startTacet(['serve'], scene.env);
  const url = await server.listening;
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const answer = await fetch(`${url}/Token`, { method: 'POST', body: new URLSearchParams(form) });
  client = new CreovaiClient(url, ((await answer.json()) as { access_token: string }).access_token);
});

afterAll(async () => {
  server.child.kill('SIGKILL');
  await server.ended;
  await scene.end();
});

/** Archives and purges until told to stop; every third call stays. */
async function live(lane: number, life: { isOver: boolean; calls: number }): Promise<void> {
  for (let i = 0; !life.isOver; i += 1) {
    const session = `busy-${lane}-${i}`;
    const { callId = '' } = await client.archive(session, '+15125550100', Buffer.alloc(3000, i));
    if (i % 3 > 0) await client.purge('', { ids: [callId] });
    life.calls += 1;
  }
}

/** The names and ids of what a list of `fsck` speaks of. */
type Found = { problems: { code: string; what: string }[] };

test('a backup taken while a server archives and purges all the time is sound in every row', {
  timeout: 120_000,
}, async () => {
  const life = { isOver: false, calls: 0 };
  const lanes = [0, 1, 2].map((lane) => live(lane, life));
  const taken = await scene.run(['backup', scene.at('copy'), '--vault', scene.at('vault'), '--json']);
  // At once: what the copy names is purged all the time.
  await cp(`${scene.home}/blobs`, scene.at('blobs'), { recursive: true }).catch(() => undefined);
  life.isOver = true;
  await Promise.all(lanes);
  expect(taken.code, taken.errors).toBe(0);
  expect(life.calls).toBeGreaterThan(0);

  const backup = await readBackup(scene.at('copy'));
  await verifyBackup(backup);
  const listed = (await readFile(backup.recordingsFile, 'utf8')).trimEnd().split('\n').filter(Boolean);
  expect(JSON.parse(taken.output)).toMatchObject({
    generation: backup.manifest.generation,
    blobs: { count: listed.length, missing: listed.filter((line) => line.includes('"present":false')).length },
    vault: { dir: scene.at('vault') },
  });

  const { generation } = backup.manifest;
  const parts = { backup: scene.at('copy'), blobs: scene.at('blobs'), vault: scene.at('vault'), generation };
  const env = await putTogether(scene.at('together'), parts);
  const looked = await scene.run(['fsck', '--json'], env);
  expect(looked.output, looked.errors).not.toBe('');
  // Bytes came and went between the copy of the database and that of the recordings. Nothing else may differ.
  const { problems } = JSON.parse(looked.output) as Found;
  expect(problems.filter(({ code }) => !code.startsWith('blob_'))).toEqual([]);
});
