/** DESIGN section 3: a process that cannot reach the vault reports not ready and serves no reads. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import { Reach, type ReachOptions } from '../../src/engine/jobs/reach.ts';
import { silentLog } from '../../src/lib/log.ts';
import { alwaysThere } from '../../src/model/database-standing.ts';
import { AppError, hasCode } from '../../src/model/errors.ts';
import { silentMeter } from '../../src/model/meter.ts';
import type { Vault } from '../../src/model/vault.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let url: string;
let token: string;
let vault: string;

beforeEach(async () => {
  scene = await startScene();
  token = await scene.app.token();
  const address = scene.app.http.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  url = `http://127.0.0.1:${address.port}`;
  [vault = ''] = scene.app.config.keysDirs;
});
afterEach(async () => await scene.end());

const readyStatus = async () => (await fetch(`${url}/readyz`)).status;

async function read(path: string): Promise<number> {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

/** Everything that says anything of a call, and what opens none but needs a key all the same. */
async function readStatuses(callId: string): Promise<number[]> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ callSessionIds: ['kept'] });
  const status = await fetch(`${url}/callCapture/v1/status`, { method: 'POST', headers, body });
  return [await read(`/v1/calls/${callId}/recording`), await read(`/interactions/v2/${callId}`), status.status];
}

describe('a running server whose vault', () => {
  test('is moved away is not ready and reads nothing within seconds, whatever is in its memory, and goes on when it is back', async () => {
    const callId = await scene.archived('kept', '+15125550100');
    await scene.expectPlays(callId);
    expect(await readStatuses(callId)).toEqual([200, 200, 200]);
    expect(await readyStatus()).toBe(200);
    const lost = scene.app.nextLog((line) => line.event === 'vault.lost');
    await rename(vault, `${vault}-gone`);
    expect(await lost).toMatchObject({ code: 'vault_unreachable' });
    expect(await readStatuses(callId)).toEqual([503, 503, 503]);
    expect(await readyStatus()).toBe(503);
    await rename(`${vault}-gone`, vault);
    expect(await readyStatus()).toBe(200);
    await scene.expectPlays(callId);
    const told = scene.app.logged.map((line) => (JSON.parse(line) as { event: string }).event);
    expect(told.filter((event) => event.startsWith('vault.'))).toEqual(['vault.lost', 'vault.found']);
  });

  test('is unmounted, so that its folder is there and empty, does the same', async () => {
    const callId = await scene.archived('kept', '+15125550100');
    await scene.expectPlays(callId);
    await rename(vault, `${vault}-gone`);
    mkdirSync(vault, { mode: 0o700 });
    await until(async () => (await readyStatus()) === 503);
    expect(await readStatuses(callId)).toEqual([503, 503, 503]);
    await rename(`${vault}-gone`, vault);
    await until(async () => (await readyStatus()) === 200);
    expect(await readStatuses(callId)).toEqual([200, 200, 200]);
  });

  test('goes in the middle of a download cuts it', async () => {
    const callId = await scene.archived('kept', '+15125550100', randomBytes(300_000));
    const recording = await openRecording(scene.app.engine, scene.app.caller(), callId);
    const body = recording.body(0, recording.sizeBytes);
    expect((await body.next()).done).toBe(false);
    const lost = scene.app.nextLog((line) => line.event === 'vault.lost');
    await rename(vault, `${vault}-gone`);
    await lost;
    scene.lapse(1000);
    await expect(body.next()).rejects.toMatchObject({ code: 'vault_unreachable' });
    await recording.close();
    await rename(`${vault}-gone`, vault);
    await until(async () => (await readyStatus()) === 200);
  });
});

test('a server whose recordings are gone is not ready, and is again when they are back', async () => {
  expect(await readyStatus()).toBe(200);
  const blobs = `${scene.app.config.home}/blobs`;
  await rename(blobs, `${blobs}-gone`);
  await until(async () => (await readyStatus()) === 503);
  await rename(`${blobs}-gone`, blobs);
  expect(await readyStatus()).toBe(200);
});

describe('a look at the vault', () => {
  /** Watches the vault of the scene with one method of it changed. */
  function reachOf(change: Partial<Vault>, options: Partial<ReachOptions> = {}): Reach {
    const { engine } = scene.app;
    const { blobs } = engine;
    const nothing = { standing: alwaysThere, log: silentLog, meter: silentMeter, forget: () => undefined };
    const { reads } = engine.store.keyStore;
    return new Reach({ ...nothing, blobs, reads, vault: { ...engine.vault, ...change }, ...options });
  }

  test('is made seldom however often somebody asks', async () => {
    let opened = 0;
    const open: Vault['open'] = async (...named) => {
      opened += 1;
      return await scene.app.engine.vault.open(...named);
    };
    const reach = reachOf({ open });
    for (let asked = 0; asked < 50; asked += 1) await reach.prove();
    await Promise.all(Array.from({ length: 50 }, async () => await reach.prove()));
    // Once, unless all of this took longer than a look stands.
    expect(opened).toBeLessThan(4);
  });

  test('that is not answered counts as a vault that is gone: nothing else is asked of it, and all keys are forgotten', async () => {
    let answer: () => void = () => undefined;
    const silence = new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
    });
    let asked = 0;
    const open = async () => {
      asked += 1;
      return await silence;
    };
    let forgotten = 0;
    const forget = () => {
      forgotten += 1;
    };
    const reach = reachOf({ open }, { forget, limitMs: 5 });
    // The first who ask may hear of the database, which was asked before.
    await until(async () => hasCode(await reach.prove().catch((error: unknown) => error), 'vault_unreachable'));
    expect(reach.isVaultThere).toBe(false);
    expect(forgotten).toBeGreaterThan(0);
    await expect(reach.vault.current()).rejects.toMatchObject({ code: 'vault_unreachable' });
    await expect(reach.prove()).rejects.toMatchObject({ code: 'vault_unreachable' });
    expect(asked).toBe(1);
    answer();
    await until(
      async () =>
        await reach.vault
          .current()
          .then(() => true)
          .catch(() => false),
    );
  });

  test('that waits for a slow database takes nothing from the vault', async () => {
    let answer: () => void = () => undefined;
    const waited = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { reads } = scene.app.engine.store.keyStore;
    const readTop = async () => {
      await waited;
      return await reads.readTop();
    };
    const reach = reachOf({}, { reads: { readTop }, limitMs: 5 });
    await expect(reach.prove()).rejects.toMatchObject({ code: 'store_busy' });
    expect(reach.isVaultThere).toBe(true);
    await reach.vault.current();
    answer();
    await until(
      async () =>
        await reach
          .prove()
          .then(() => true)
          .catch(() => false),
    );
  });

  test('that does not find the newest key yet, which a network file system may show late, is no loss at once', async () => {
    const reach = reachOf({ open: async () => undefined });
    await reach.prove();
    expect(reach.isVaultThere).toBe(true);
  });

  test('that failed for what this process lacks itself forgets nothing', async () => {
    const cause = Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' });
    const open = async () => {
      throw new AppError('vault_unreachable', { cause });
    };
    const reach = reachOf({ open });
    await expect(reach.prove()).rejects.toMatchObject({ code: 'vault_unreachable' });
    expect(reach.isVaultThere).toBe(true);
  });
});
