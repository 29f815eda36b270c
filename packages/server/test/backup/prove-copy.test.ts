import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterEach, expect, test } from 'vitest';
import { proveCopy } from '../../src/cli/prove-copy.ts';
import type { TopRow } from '../../src/model/key-store.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;

afterEach(async () => await app.close());

/** The archive's row of this moment, as a copy would have it. */
async function rowNow(): Promise<TopRow> {
  const top = await app.engine.store.reads.keys.readTop();
  if (top === undefined) throw new Error('no row');
  return top;
}

test('a copy opens under the current root key, and under one that a seal has replaced since', async () => {
  app = await startApp({ workers: 0 });
  const top = await rowNow();
  expect(await proveCopy(app.engine, { horizonMs: 1 }, top)).toBe('opens');
  await app.engine.rootKeys.seal();
  expect(await proveCopy(app.engine, { horizonMs: 1 }, top)).toBe('opens');
});

test('a copy whose root key is gone has expired: known under horizon 0, a failure under any other', async () => {
  app = await startApp({ workers: 0, env: { TACET_BACKUP_HORIZON: '0' } });
  const top = await rowNow();
  await app.engine.rootKeys.seal();
  await app.engine.rootKeys.expire();
  expect(await proveCopy(app.engine, { horizonMs: 0 }, top)).toBe('expired');
  await expect(proveCopy(app.engine, { horizonMs: 1 }, top)).rejects.toMatchObject({ code: 'backup_expired' });
});

test('a copy whose root key was sealed to the recovery key meanwhile is known to need the identity', async () => {
  const recipient = await identityToRecipient(await generateIdentity());
  app = await startApp({ workers: 0, env: { TACET_RECOVERY_KEY: recipient } });
  const top = await rowNow();
  expect(await proveCopy(app.engine, { horizonMs: 1 }, top)).toBe('opens');
  await app.engine.rootKeys.seal();
  expect(await proveCopy(app.engine, { horizonMs: 1 }, top)).toBe('locked');
});

test('a copy whose topmost page does not open is damage', async () => {
  app = await startApp({ workers: 0 });
  const top = await rowNow();
  const page = Buffer.from(top.page);
  page.writeUInt8(page.readUInt8(20) ^ 1, 20);
  await expect(proveCopy(app.engine, { horizonMs: 1 }, { ...top, page })).rejects.toMatchObject({ code: 'damage' });
});
