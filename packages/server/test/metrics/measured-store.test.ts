import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { meteredStore } from '../../src/metrics/metered-store.ts';
import { PromMeter } from '../../src/metrics/prom-meter.ts';
import { AppError } from '../../src/model/errors.ts';
import type { Store } from '../../src/model/store.ts';
import { sumOf } from '../support/metrics-page.ts';
import { openNewStore } from '../support/store-homes.ts';
import { addTenant, callOf, entryOf } from '../support/store-rows.ts';
import type { StoreSubject } from '../support/store-subject.ts';

let subject: StoreSubject;
let store: Store;
let meter: PromMeter;

beforeEach(async () => {
  subject = await openNewStore();
  meter = new PromMeter();
  store = meteredStore(subject.store, meter);
});
afterEach(async () => await subject.close());

async function valueNow(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  return sumOf(await meter.page(), name, labels);
}

describe('what a transaction does', () => {
  test('is told once when it ran twice, with what stopped the first', async () => {
    const tenant = await addTenant(store);
    subject.conflictOnce();
    await store.write(async (tx) => await tx.calls.insert({ ...callOf(tenant), status: 'uploading', uploadUntil: 1 }));
    expect(await valueNow('tacet_uploads_total', { state: 'begun' })).toBe(1);
    expect(await valueNow('tacet_store_retries_total', { reason: 'commit' })).toBe(1);
    let runs = 0;
    await store.write(async () => {
      runs += 1;
      if (runs === 1) throw new AppError('store_busy');
    });
    expect(await valueNow('tacet_store_retries_total', { reason: 'store_busy' })).toBe(1);
    expect(await valueNow('tacet_store_transactions_total', { kind: 'write', outcome: 'committed' })).toBe(3);
    expect(await valueNow('tacet_store_transaction_seconds_count', { kind: 'write' })).toBe(3);
  });

  test('is not told where it was called off, which is no failure of the database', async () => {
    const tenant = await addTenant(store);
    const calledOff = store.write(async (tx) => {
      await tx.calls.insert({ ...callOf(tenant), status: 'uploading', uploadUntil: 1 });
      throw new AppError('call_erased');
    });
    await expect(calledOff).rejects.toMatchObject({ code: 'call_erased' });
    expect(await valueNow('tacet_uploads_total', { state: 'begun' })).toBe(0);
    const outcomes = ['refused', 'failed'].map((outcome) =>
      valueNow('tacet_store_transactions_total', { kind: 'write', outcome }),
    );
    expect(await Promise.all(outcomes)).toEqual([1, 0]);
    const failed = store.write(async () => {
      throw new AppError('store_failed');
    });
    await expect(failed).rejects.toMatchObject({ code: 'store_failed' });
    expect(await valueNow('tacet_store_transactions_total', { kind: 'write', outcome: 'failed' })).toBe(1);
  });
});

describe('slots', () => {
  test('are told as destroyed by the journal, whichever transaction writes it', async () => {
    await store.write(
      async (tx) => await tx.keys.appendJournal([{ ...entryOf(), kind: 'item_erased', slots: [[3, 5]] }]),
    );
    const both = {
      kind: 'slots_unnamed',
      slots: [
        [9, 9],
        [11, 20],
      ],
    } as const;
    await store.keyStore.write(async (tx) => await tx.appendJournal([{ ...entryOf(), ...both }]));
    await store.write(async (tx) => await tx.keys.appendJournal([{ ...entryOf(), kind: 'hold_placed', slots: [] }]));
    expect(await valueNow('tacet_slots_destroyed_total', { reason: 'item_erased' })).toBe(3);
    expect(await valueNow('tacet_slots_destroyed_total', { reason: 'slots_unnamed' })).toBe(11);
    expect(await valueNow('tacet_slots_destroyed_total')).toBe(14);
  });
});
