import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { purge } from '../../src/engine/erasure/purge.ts';
import { standingOf } from '../crash/invariants.ts';
import { archive, type LifeCall } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { until } from '../support/until.ts';
import { dayMs, minuteMs, startTimed, type TimedArchive } from './timed-archive.ts';

const call: LifeCall = { session: 'a', phone: '+15125550001', bytes: 5000 };
const kept: LifeCall = { session: 'b', phone: '+15125550002', bytes: 5000 };
const horizonDays = 7;

let timed: TimedArchive;

beforeEach(async () => {
  timed = await startTimed({ TACET_BACKUP_HORIZON: `${horizonDays}d` });
});

afterEach(async () => await timed.endAtRest());

const rootKeys = () => timed.app.engine.rootKeys;
const generation = async () => (await rootKeys().status()).generation;
const sealedAt = async () => (await rootKeys().status()).sealedAt;

/** Root keys that wait for their horizon, by when it passes. */
async function retired(): Promise<{ generation: number; diesAt: number | null }[]> {
  return (await rootKeys().status()).rootKeys.flatMap((key) => (key.isNamed ? [] : [key]));
}

describe('a retired root key', () => {
  test('lives its horizon to the day when the clock is set back and right again, and no seal looks older than one before', async () => {
    await rootKeys().seal();
    const [waiting] = await retired();
    const before = await sealedAt();
    timed.lapse(-dayMs);
    await rootKeys().seal();
    expect(await sealedAt()).toBe(before);
    const [, younger] = await retired();
    expect(younger?.diesAt).toBeGreaterThanOrEqual(waiting?.diesAt ?? Number.POSITIVE_INFINITY);
    timed.lapse(horizonDays * dayMs);
    expect(await rootKeys().expire()).toBe(0);
    expect(await retired()).toContainEqual(waiting);
    timed.lapse(dayMs);
    await rootKeys().expire();
    expect(await retired()).toEqual([]);
  });

  test('waits longer, never shorter, when a clock that was a day ahead is set right: seals of the day ahead stay so', async () => {
    timed.lapse(dayMs);
    await rootKeys().seal();
    timed.lapse(-dayMs);
    await rootKeys().seal();
    await rootKeys().seal();
    const waiting = await retired();
    timed.lapse(horizonDays * dayMs);
    expect(await rootKeys().expire()).toBe(0);
    expect(await retired()).toEqual(waiting);
    timed.lapse(dayMs);
    await rootKeys().expire();
    expect(await retired()).toEqual([]);
  });

  test('dies a day early when the clock is set forward by a day, as clocks are all we know; and not earlier', async () => {
    await rootKeys().seal();
    const [waiting] = await retired();
    timed.lapse((horizonDays - 1) * dayMs);
    expect(await rootKeys().expire()).toBe(0);
    timed.lapse(dayMs);
    expect(await rootKeys().expire()).toBeGreaterThan(0);
    expect((await retired()).map((key) => key.generation)).not.toContain(waiting?.generation);
  });
});

describe('a seal', () => {
  test.each([
    ['forward by a minute', minuteMs],
    ['forward by a day', dayMs],
    ['forward by a month', 30 * dayMs],
    ['back by a minute', -minuteMs],
    ['back by a day', -dayMs],
  ])('that somebody waits for comes at once though the clock was set %s', async (_how, jumpMs) => {
    const { sealer } = timed.app.engine;
    const first = await sealer.sealed();
    timed.lapse(jumpMs);
    const second = await sealer.sealed();
    expect(second.generation).toBeGreaterThan(first.generation);
    expect(second.sealedAt).toBeGreaterThanOrEqual(first.sealedAt);
  });

  test('comes daily by the clock, though it was set forward while the timers stood still', async () => {
    await rootKeys().seal();
    const before = await generation();
    timed.lapse(dayMs - minuteMs);
    await timed.upkeep.once();
    expect(await generation()).toBe(before);
    timed.lapse(minuteMs);
    await timed.upkeep.once();
    await until(async () => (await generation()) > before);
    expect(await generation()).toBe(before + 1);
  });

  test('is not made again and again while the clock is behind the last one', async () => {
    await rootKeys().seal();
    const before = await generation();
    timed.lapse(-dayMs);
    for (let rounds = 0; rounds < 3; rounds += 1) await timed.upkeep.once();
    expect(await generation()).toBe(before);
  });
});

describe('a token epoch', () => {
  const epochs = async () => {
    const all = await timed.app.engine.store.reads.tokens.epochs(timed.app.tenant.id);
    return all.map((epoch) => epoch.number);
  };
  const purged = async (of: LifeCall) => {
    const { engine, caller } = timed.app;
    await purge(engine, caller(), { by: 'sessions', ids: [of.session] }, { whatIf: false, waitMs: 10_000 });
    await untilQuiet(engine);
  };

  test('that saw an erasure is turned though the clock was set back by a day before it, and once only', async () => {
    const { engine, caller } = timed.app;
    await archive(engine, caller(), call);
    await archive(engine, caller(), kept);
    timed.lapse(-dayMs);
    await timed.upkeep.once();
    expect(await epochs()).toEqual([1]);
    await purged(call);
    timed.lapse(2 * minuteMs);
    await timed.upkeep.once();
    expect(await epochs()).toEqual([2]);
    await timed.upkeep.once();
    timed.lapse(dayMs);
    await timed.upkeep.once();
    expect(await epochs()).toEqual([2]);
    expect(await standingOf(engine, caller(), kept)).toBe('whole');
  });

  test('that saw an erasure is turned though the clock was set back by a minute before it', async () => {
    const { engine, caller } = timed.app;
    await archive(engine, caller(), call);
    timed.lapse(-minuteMs);
    await purged(call);
    await timed.upkeep.once();
    expect(await epochs()).toEqual([1]);
    timed.lapse(dayMs + minuteMs);
    await timed.upkeep.once();
    expect(await epochs()).toEqual([2]);
  });

  test('that saw no erasure is left alone whatever the clock does', async () => {
    const { engine, caller } = timed.app;
    await archive(engine, caller(), call);
    for (const jumpMs of [dayMs, -2 * dayMs, minuteMs, 30 * dayMs]) {
      timed.lapse(jumpMs);
      await timed.upkeep.once();
    }
    expect(await epochs()).toEqual([1]);
    expect(await standingOf(engine, caller(), call)).toBe('whole');
  });
});
