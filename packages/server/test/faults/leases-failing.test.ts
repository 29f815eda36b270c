import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { planErasure, startErasure } from '../../src/engine/erasure/plan.ts';
import type { Faults } from '../../src/lib/faults.ts';
import { newId } from '../../src/lib/ids.ts';
import { standingOf } from '../crash/invariants.ts';
import { archive, type LifeCall } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { until } from '../support/until.ts';
import { startTimed, type TimedArchive } from './timed-archive.ts';

const purged: LifeCall = { session: 'purged', phone: '+15125550001', bytes: 3000, hasTranscript: true };
const kept: LifeCall = { session: 'kept', phone: '+15125550001', bytes: 3000 };
const purgeOf = (...callIds: string[]) => ({ action: 'purge', keepRecording: false, callIds }) as const;

/** The pause after a first failure; each later one is twice as long. */
const firstPauseMs = 250;

/** Throws at a point as often as it is told to. */
class ThrowingFaults implements Faults {
  readonly left = new Map<string, number>();

  at(point: string): void {
    const left = this.left.get(point) ?? 0;
    if (left === 0) return;
    this.left.set(point, left - 1);
    throw new Error('a fault');
  }
}

let timed: TimedArchive;
let faults: ThrowingFaults;

beforeEach(async () => {
  faults = new ThrowingFaults();
  timed = await startTimed({}, { faults });
});

afterEach(async () => await timed.endAtRest());

const jobs = async () => await timed.app.engine.store.reads.jobs.list({ unfinishedOnly: false, limit: 99 });
const databaseFile = () => join(timed.app.config.home, 'db', 'tacet.sqlite');

describe('an erasure that fails', () => {
  test.each([
    'erase:gated',
    'shred:rows-cleared',
    'shred:recorded',
    'shred:committed',
    'erase:shredded',
    'remove:bytes-erased',
    'remove:recorded',
    'seal:vault-written',
    'seal:committed',
    'erase:sealed',
    'verify:looked',
    'verify:recorded',
  ])('twice at %s is tried again after a pause each time, and ends with everything erased once', async (point) => {
    const { engine, caller } = timed.app;
    const { callId } = await archive(engine, caller(), purged);
    await archive(engine, caller(), kept);
    faults.left.set(point, 2);
    await eraseNow(engine, caller(), purgeOf(callId)).catch(() => undefined);
    await untilQuiet(engine);
    expect(await standingOf(engine, caller(), purged)).toBe('gone');
    expect(await standingOf(engine, caller(), kept)).toBe('whole');
    const [job] = await jobs();
    expect(job?.attempts).toBeLessThanOrEqual(3);
  });

  test('for ever waits longer each time and starves no other erasure, were there more of them than lanes', async () => {
    const { engine, caller } = timed.app;
    const { callId } = await archive(engine, caller(), purged);
    await archive(engine, caller(), kept);
    const began = Date.now();
    const lost = Array.from({ length: 12 }, () => newId(engine.clock.now()));
    await engine.store.write(async (tx) => {
      for (const payload of lost)
        await tx.jobs.enqueue({ id: newId(began), kind: 'erasure', payload, runAt: engine.clock.now() - 1 });
    });
    const plan = await planErasure(engine, caller(), { ...purgeOf(callId), waitsForHolds: false });
    await startErasure(engine, caller(), plan, { owner: 'a process that died', leaseMs: 0 });
    await until(async () => (await engine.store.reads.erasures.find(plan.id))?.state === 'completed');
    expect(await standingOf(engine, caller(), purged)).toBe('gone');
    const failing = async () => (await jobs()).filter((job) => job.payload !== plan.id);
    await until(async () => (await failing()).every((job) => job.attempts >= 3));
    for (const job of await failing()) {
      expect(job.lastError).toBe('erasure_not_found');
      // So many pauses fit into the time that has passed.
      expect(firstPauseMs * (2 ** (job.attempts - 1) - 1)).toBeLessThanOrEqual(Date.now() - began);
    }
    const database = new Database(databaseFile());
    database.prepare('DELETE FROM job WHERE finished_at IS NULL').run();
    database.close();
  });
});

describe('a lease that cannot be renewed because the database is busy', () => {
  test('costs no item: when the database is free again each is erased once, by whichever worker', async () => {
    const { engine, caller } = timed.app;
    const { callId } = await archive(engine, caller(), purged);
    await archive(engine, caller(), kept);
    await timed.neighbour({ workers: 1 });
    // A wait of SQLite's own would stop this process, whose transaction it waits for.
    const database = new Database(databaseFile(), { timeout: 0 });
    const erasing = eraseNow(engine, caller(), purgeOf(callId));
    await until(async () => (await jobs()).length === 1);
    await until(async () => {
      try {
        database.prepare('BEGIN IMMEDIATE').run();
        return true;
      } catch {
        return false;
      }
    });
    const leaseUntil = (await jobs())[0]?.leaseUntil ?? 0;
    await until(async () => engine.clock.now() > leaseUntil);
    database.prepare('ROLLBACK').run();
    database.close();
    await (await erasing)?.ended;
    await untilQuiet(engine);
    expect(await standingOf(engine, caller(), purged)).toBe('gone');
    expect(await standingOf(engine, caller(), kept)).toBe('whole');
    const completed = (await engine.store.reads.audit.page('', 99)).filter((one) => one.event === 'erasure.completed');
    expect(completed).toHaveLength(1);
  });
});
