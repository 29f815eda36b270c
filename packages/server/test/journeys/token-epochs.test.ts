import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { purge } from '../../src/engine/erasure/purge.ts';
import { turnDueEpochs } from '../../src/engine/upkeep/turn-epochs.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type Scene, startScene } from '../support/scene.ts';

/** No epoch is shorter. */
const shortestMs = 10 * 60_000;

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});

afterEach(async () => await scene.end());

const epochsOf = async () => await scene.app.engine.store.reads.tokens.epochs(scene.app.tenant.id);

describe('a token epoch', () => {
  test('is not turned while nothing was erased under it', async () => {
    await scene.archived('a', '+15125551234');
    scene.lapse(shortestMs);
    expect(await turnDueEpochs(scene.app.engine)).toBe(0);
    expect((await epochsOf()).map((epoch) => epoch.number)).toEqual([1]);
  });

  test('ends after an erasure: its key is destroyed, and living calls are found as before', async () => {
    const { engine } = scene.app;
    const [before] = await epochsOf();
    await scene.archived('a', '+15125551234');
    const kept = await scene.archived('b', '(512) 555-1234');
    await scene.client.purge('/sessions', { ids: ['a'] });
    await untilQuiet(engine);
    expect(await turnDueEpochs(engine)).toBe(0);
    scene.lapse(shortestMs);
    expect(await turnDueEpochs(engine)).toBe(1);
    expect((await epochsOf()).map((epoch) => epoch.number)).toEqual([2]);
    expect((await engine.tree.open(before?.slot ?? 0)).kind).toBe('destroyed');
    const found = await purge(
      engine,
      scene.app.caller(),
      { by: 'customer', phones: ['512.555.1234'], emails: [] },
      { whatIf: true, waitMs: 0 },
    );
    expect(found.map((item) => item.callId)).toEqual([kept]);
    expect(await scene.client.status('b')).toBe('Complete');
    scene.lapse(shortestMs);
    expect(await turnDueEpochs(engine)).toBe(0);
  });

  test('ends after an erasure that had begun before it and shredded after', async () => {
    const { engine, tenant } = scene.app;
    await scene.archived('a', '+15125551234');
    const gated = scene.faults.stop('erase:gated');
    const purging = scene.client.purge('/sessions', { ids: ['a'] });
    await gated.reached;
    await engine.epochs.turn(tenant.id);
    gated.goOn();
    await purging;
    await untilQuiet(engine);
    scene.lapse(shortestMs);
    expect(await turnDueEpochs(engine)).toBe(1);
  });

  test('that a dead process left half-turned is finished, and every call is found meanwhile', async () => {
    const { engine, tenant } = scene.app;
    const old = await scene.archived('a', '+15125551234');
    await engine.epochs.begin(tenant.id);
    const young = await scene.archived('b', '+15125551234');
    const find = async () =>
      await purge(
        engine,
        scene.app.caller(),
        { by: 'customer', phones: ['5125551234'], emails: [] },
        { whatIf: true, waitMs: 0 },
      );
    expect((await find()).map((item) => item.callId).sort()).toEqual([old, young].sort());
    expect(await turnDueEpochs(engine)).toBe(1);
    expect((await find()).map((item) => item.callId).sort()).toEqual([old, young].sort());
    expect(await epochsOf()).toHaveLength(1);
  });

  test('that began in the middle of a look-up makes it look again', async () => {
    const { engine, tenant } = scene.app;
    const callId = await scene.archived('a', '+15125551234');
    const { owners } = engine.store.reads.tokens;
    let looked = 0;
    engine.store.reads.tokens.owners = async (...asked) => {
      looked += 1;
      if (looked === 1) await engine.epochs.turn(tenant.id);
      return await owners(...asked);
    };
    const found = await purge(
      engine,
      scene.app.caller(),
      { by: 'customer', phones: ['5125551234'], emails: [] },
      { whatIf: true, waitMs: 0 },
    );
    engine.store.reads.tokens.owners = owners;
    expect(found.map((item) => item.callId)).toEqual([callId]);
    expect(looked).toBe(2);
  });

  test('is begun once by two processes that both find it due', async () => {
    const { engine, tenant } = scene.app;
    const [first, second] = await Promise.all([
      engine.epochs.begin(tenant.id, { after: 1 }),
      engine.epochs.begin(tenant.id, { after: 1 }),
    ]);
    expect(first).toEqual(second);
    await engine.epochs.finish(tenant.id);
  });
});
