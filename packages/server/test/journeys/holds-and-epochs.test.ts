import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { findOwners } from '../../src/engine/identifiers.ts';
import { turnDueEpochs } from '../../src/engine/upkeep/turn-epochs.ts';
import type { Identifier } from '../../src/model/call.ts';
import { cast, newCallOf } from '../crash/life.ts';
import { type Scene, startScene } from '../support/scene.ts';

const phone: Identifier = { kind: 'phone', value: '+15125550177' };
const dayMs = 24 * 3_600_000;
const hold = { callIds: [], identifiers: [phone], from: null, to: null, reviewAt: null, reason: 'a court asked' };

let scene: Scene;
beforeEach(async () => {
  scene = await startScene();
});
afterEach(async () => await scene.end());

describe('the epoch of a tenant', () => {
  const numberOf = async () => {
    const { engine, tenant } = scene.app;
    return (await engine.store.reads.tokens.epochs(tenant.id)).map((epoch) => epoch.number);
  };

  test('turns after a hold was released, whose tokens would else live as long as the tenant', async () => {
    const { engine } = scene.app;
    const { id } = await placeHold(engine, scene.app.caller(), hold);
    scene.lapse(dayMs);
    expect(await turnDueEpochs(engine), 'nothing has gone yet').toBe(0);
    await releaseHold(engine, scene.app.caller(), id);
    // Times that lie within a minute of an epoch's beginning count for it: clocks differ.
    scene.lapse(120_000);
    expect(await turnDueEpochs(engine)).toBe(1);
    expect(await numberOf()).toEqual([2]);
    scene.lapse(dayMs);
    expect(await turnDueEpochs(engine), 'nothing has gone since').toBe(0);
  });

  test('turns after an upload was given up', async () => {
    const { engine } = scene.app;
    const upload = new Upload(engine, scene.app.caller());
    await upload.describe(newCallOf(cast.aborted));
    await upload.abort();
    scene.lapse(dayMs);
    expect(await turnDueEpochs(engine)).toBe(1);
  });
});

describe('an epoch that ends while it is asked', () => {
  /** The first to ask for the epochs gets the list as it was before a turn, and no key of them is remembered. */
  const turningAfterFirstLook = () => {
    const { engine, tenant } = scene.app;
    const { tokens } = engine.store.reads;
    const { epochs } = tokens;
    let isFirst = true;
    tokens.epochs = async (tenantId) => {
      const list = await epochs(tenantId);
      if (isFirst) {
        isFirst = false;
        await engine.epochs.turn(tenant.id);
        scene.lapse(61_000);
        engine.secrets.dropOld();
      }
      return list;
    };
  };

  test('loses no call of a look-up', async () => {
    const callId = await scene.archived('asked', phone.value);
    const { engine, tenant } = scene.app;
    turningAfterFirstLook();
    const page = { afterId: '', limit: 9 };
    expect(await findOwners(engine, engine.store.reads, tenant, phone, page)).toEqual([callId]);
  });

  test('loses no hold of a purge', async () => {
    const callId = await scene.archived('held', phone.value);
    const { engine } = scene.app;
    const caller = scene.app.caller();
    await placeHold(engine, caller, hold);
    turningAfterFirstLook();
    const asked = { by: 'calls', ids: [callId] } as const;
    const [item] = await purge(engine, caller, asked, { whatIf: false, waitMs: 10_000 });
    expect(item?.standing).toBe('held');
    await scene.expectPlays(callId);
  });
});
