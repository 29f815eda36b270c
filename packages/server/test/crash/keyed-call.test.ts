import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import { silentLog } from '../../src/lib/log.ts';
import { programOf } from '../support/programs.ts';
import { faultPoints } from './fault-points.ts';
import { expectAtRest } from './invariants.ts';
import { keyedRecording, sendKeyed } from './keyed-call.ts';
import { callerOf, lifeConfig, tenantSlug } from './life.ts';

const script = programOf(new URL('keyed-call.child.ts', import.meta.url));
/** Whoever comes after a death comes when every lease of the dead has run out. */
const laterMs = 5 * 60_000;
const rowMsMax = 60_000;
/** Of what is abandoned: no upload that ends well comes by them. */
const ofSweeps = ['archive:abandoned', 'archive:bytes-erased'];
const points = faultPoints().filter((point) => point.startsWith('archive:') && !ofSweeps.includes(point));

test.each(points)(
  'a request that a death at %s has left without an answer is carried out once',
  { timeout: rowMsMax },
  async (point) => {
    const folder = mkdtempSync(join(tmpdir(), 'tacet-keyed-'));
    try {
      expect(await signalOf(folder, point)).toBe('SIGKILL');
      await expectOnce(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

function signalOf(folder: string, point: string): Promise<NodeJS.Signals | null> {
  const env = { ...process.env, TACET_FAULT: point };
  const child = spawn(process.execPath, [script, folder], { env, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (_code, signal) => resolve(signal));
  });
}

/** A second process: while the dead one's lease may stand the key is taken; after it the request is carried out. */
async function expectOnce(folder: string): Promise<void> {
  let aheadMs = 0;
  const clock = { now: () => Date.now() + aheadMs };
  const config = lifeConfig(folder);
  const app = await openApp(config, { clock, log: silentLog });
  await app.prepare();
  const { engine } = app;
  const tenant = await engine.store.reads.tenants.find({ slug: tenantSlug });
  const caller = callerOf(tenant ?? (await createTenant(engine, { slug: tenantSlug, region: 'US' })));
  const [left] = await engine.store.reads.calls.page('', 9);
  if (left?.status === 'uploading')
    await expect(sendKeyed(engine, caller)).rejects.toMatchObject({ code: 'upload_busy' });
  aheadMs = laterMs;
  await new Upkeep(engine).once();
  const { callId, isNew } = await sendKeyed(engine, caller);
  expect(isNew).toBe(left?.status !== 'complete');
  expect(await sendKeyed(engine, caller)).toEqual({ callId, isNew: false });
  expect((await engine.store.reads.calls.page('', 9)).map(({ id }) => id)).toEqual([callId]);
  expect(await played(engine, caller, callId)).toBe(true);
  await engine.rootKeys.seal();
  await engine.rootKeys.expire();
  await app.close();
  const looking = await openApp(config, { clock, log: silentLog });
  await expectAtRest(looking, config);
  await looking.close();
}

/** True when the recording comes back bit for bit. */
async function played(engine: Engine, caller: Caller, callId: string): Promise<boolean> {
  const recording = await openRecording(engine, caller, callId);
  const chunks: Buffer[] = [];
  for await (const chunk of recording.body(0, recording.sizeBytes)) chunks.push(chunk);
  await recording.close();
  return Buffer.concat(chunks).equals(keyedRecording);
}
