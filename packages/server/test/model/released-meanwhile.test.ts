import { afterEach, beforeEach, expect, test } from 'vitest';
import { purge } from '../../src/engine/erasure/purge.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { StoreReads } from '../../src/model/store.ts';
import { archive } from '../crash/life.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;

beforeEach(async () => {
  app = await startApp();
});

afterEach(async () => await app.close());

test('a purge by phone names calls only, though a hold of the number is released while it looks them up', async () => {
  const { engine } = app;
  const phone = '+15125550100';
  const caller = app.caller();
  const { callId } = await archive(engine, caller, { session: 'named', phone, bytes: 900 });
  const range = { from: null, to: 1, reviewAt: null, reason: 'a court asked' };
  const hold = await placeHold(engine, caller, {
    ...range,
    callIds: [],
    identifiers: [{ kind: 'phone', value: phone }],
  });
  const { store } = engine;
  const active: StoreReads['holds']['active'] = async (tenantId) => {
    await releaseHold({ ...engine, store }, caller, hold.id);
    return await store.reads.holds.active(tenantId);
  };
  const reads: StoreReads = { ...store.reads, holds: { ...store.reads.holds, active } };
  const meanwhile = { ...engine, store: { ...store, reads, write: store.write.bind(store) } };
  const items = await purge(
    meanwhile,
    caller,
    { by: 'customer', phones: [phone], emails: [] },
    { whatIf: true, waitMs: 1000 },
  );
  expect(items).toEqual([{ callId, sessionId: 'named', standing: 'would_purge' }]);
});
