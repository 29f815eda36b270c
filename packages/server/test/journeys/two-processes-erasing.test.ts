/** Purges, holds, epochs and keys of the archive, which two processes on PostgreSQL are at in the same moment. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveOwner, ensureArchiveRow } from '../../src/engine/access/signing-key.ts';
import { ensureUserTokenKey } from '../../src/engine/access/user-token-key.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { findOwners } from '../../src/engine/identifiers.ts';
import { endReservations } from '../../src/keys/slot-issuer.ts';
import type { Identifier } from '../../src/model/call.ts';
import { type LifeCall, newCallOf } from '../crash/life.ts';
import type { TestApp } from '../support/harness.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { TwoProcesses } from '../support/two-processes.ts';

const call: LifeCall = { session: 'met', phone: '+15125551234', bytes: 0, hasTranscript: true };
const sibling: LifeCall = { ...call, session: 'met too' };
const phone: Identifier = { kind: 'phone', value: call.phone };
const hold = { callIds: [], identifiers: [phone], from: null, to: null, reviewAt: null, reason: 'a court asked' };
const fulfilled = (value: unknown) => ({ status: 'fulfilled', value });

describeWithPostgres('what two processes are at', (server) => {
  let at: TwoProcesses;
  beforeEach(async () => {
    at = await TwoProcesses.start(server);
  });
  afterEach(async () => await at.end());

  async function begin(process: TestApp, of: LifeCall = call): Promise<Upload> {
    const upload = new Upload(process.engine, at.caller);
    await upload.describe(newCallOf(of));
    return upload;
  }

  async function archived(process: TestApp, of: LifeCall = call): Promise<string> {
    return (await (await begin(process, of)).finish()).callId;
  }

  async function purged(process: TestApp, of: LifeCall = call) {
    const subject = { by: 'sessions', ids: [of.session] } as const;
    const [item] = await purge(process.engine, at.caller, subject, { whatIf: false, waitMs: 10_000 });
    return item?.standing;
  }

  const placed = async (process: TestApp) => await placeHold(process.engine, at.caller, hold);
  const turned = async (process: TestApp) => await process.engine.epochs.turn(at.caller.tenant.id);

  async function found(): Promise<string[]> {
    const { engine } = at.one;
    return await findOwners(engine, engine.store.reads, at.caller.tenant, phone, { afterId: '', limit: 9 });
  }

  async function tokens() {
    return await at.one.engine.store.reads.tokens.page(undefined, 99);
  }

  test('a call that is named while its epoch ends is found by its number', async () => {
    const [begun, ended] = await at.meet(
      async () => await begin(at.one),
      async () => await turned(at.other),
      { after: 'archive:slots-taken' },
    );
    expect([begun.status, ended.status]).toEqual(['fulfilled', 'fulfilled']);
    if (begun.status === 'fulfilled') expect(await found()).toEqual([(await begun.value.finish()).callId]);
    expect(new Set((await tokens()).map((token) => token.epoch))).toEqual(new Set([2]));
  });

  test('an epoch that both turn is turned once at a time, and every token comes along', async () => {
    const callId = await archived(at.one);
    const ended = await at.meet(
      async () => await turned(at.one),
      async () => await turned(at.other),
    );
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    const epochs = await at.one.engine.store.reads.tokens.epochs(at.caller.tenant.id);
    expect(epochs.map(({ number }) => number)).toEqual([3]);
    expect(await found()).toEqual([callId]);
  });

  test('a purge that meets the move of its tokens to the next epoch leaves none under either', async () => {
    await archived(at.one);
    const { epochs } = at.one.engine;
    await epochs.begin(at.caller.tenant.id);
    const [moved, standing] = await at.meet(
      async () => await epochs.finish(at.caller.tenant.id),
      async () => await purged(at.other),
    );
    expect([moved.status, standing]).toEqual(['fulfilled', fulfilled('purging')]);
    expect(await tokens()).toEqual([]);
    await expect(begin(at.other)).rejects.toMatchObject({ code: 'call_erased' });
  });

  test('a move of tokens that meets their purge brings none back', async () => {
    await archived(at.one);
    const [standing, moved] = await at.meet(
      async () => await purged(at.one),
      async () => await turned(at.other),
      { after: 'shred:recorded' },
    );
    expect([standing, moved.status]).toEqual([fulfilled('purging'), 'fulfilled']);
    expect(await tokens()).toEqual([]);
    await expect(begin(at.other)).rejects.toMatchObject({ code: 'call_erased' });
  });

  test('a hold that is released while its tokens move to the next epoch leaves none under either', async () => {
    const { id } = await placed(at.one);
    const { epochs } = at.one.engine;
    await epochs.begin(at.caller.tenant.id);
    const [moved, released] = await at.meet(
      async () => await epochs.finish(at.caller.tenant.id),
      async () => await releaseHold(at.other.engine, at.caller, id),
    );
    expect([moved.status, released.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(await tokens()).toEqual([]);
  });

  test('a hold that is just being placed keeps what a purge is about to shred', async () => {
    const callId = await archived(at.one);
    const [done, standing] = await at.meet(
      async () => await placed(at.one),
      async () => await purged(at.other),
    );
    expect([done.status, standing]).toEqual(['fulfilled', fulfilled('held')]);
    expect(await at.one.engine.store.reads.calls.find(at.caller.tenant.id, callId)).toMatchObject({ id: callId });
  });

  test('a hold that comes while a call is shredded keeps the next', async () => {
    const [first, second] = [await archived(at.one), await archived(at.one, sibling)];
    const [standing, done] = await at.meet(
      async () => await purged(at.one),
      async () => await placed(at.other),
      { after: 'shred:recorded' },
    );
    expect([standing, done.status]).toEqual([fulfilled('purging'), 'fulfilled']);
    expect(await purged(at.one, sibling)).toBe('held');
    const { reads } = at.one.engine.store;
    const left = await reads.calls.findMany(at.caller.tenant.id, [first, second]);
    expect(left.map(({ id }) => id)).toEqual([second]);
  });

  test('a call that both purge is purged once', async () => {
    const callId = await archived(at.one);
    const ended = await at.meet(
      async () => await purged(at.one),
      async () => await purged(at.other),
      { after: 'shred:recorded' },
    );
    expect(ended).toEqual([fulfilled('purging'), fulfilled('purging')]);
    const { journal } = at.one.engine.store.reads;
    const entries = (await journal.page('', 99)).filter(({ kind }) => kind === 'item_erased');
    expect(entries.map(({ ownerId }) => ownerId)).toEqual([callId]);
  });

  test('a key of the archive that both make is one key', async () => {
    const make = async ({ engine }: TestApp) => (await ensureArchiveRow(engine, 'login-key')).slot;
    const [mine, theirs] = await at.meet(
      async () => await make(at.one),
      async () => await make(at.other),
    );
    expect(theirs).toEqual(mine);
    const rows = await at.one.engine.store.reads.artifacts.ofOwner(archiveOwner);
    expect(rows.filter(({ kind }) => kind === 'login-key')).toHaveLength(1);
  });

  test('a pair of keys that both make is one pair', async () => {
    const make = async ({ engine }: TestApp) => {
      return (await ensureUserTokenKey(engine)).publicKey.export({ format: 'jwk' });
    };
    await ensureArchiveRow(at.one.engine, 'user-token-key');
    const [mine, theirs] = await at.meet(
      async () => await make(at.one),
      async () => await make(at.other),
    );
    expect(mine.status).toBe('fulfilled');
    expect(theirs).toEqual(mine);
    at.one.engine.secrets.drop();
    expect(fulfilled(await make(at.one))).toEqual(mine);
  });

  test('slots that a process is just naming live on when its reservation is ended', async () => {
    const { store, tree, clock } = at.other.engine;
    const later = { endedBy: clock.now() + 61_000 };
    at.lapse(61_000);
    const [begun, ended] = await at.meet(
      async () => await begin(at.one),
      async () => await endReservations(store.keyStore, tree, clock, later),
      { after: 'archive:slots-taken' },
    );
    expect([begun.status, ended.status]).toEqual(['fulfilled', 'fulfilled']);
    if (begun.status !== 'fulfilled') return;
    const { callId } = await begun.value.finish();
    const slots = (await store.reads.artifacts.ofOwner(callId)).map(({ slot }) => slot);
    expect(slots.length).toBeGreaterThan(1);
    expect([...(await tree.statesOf(slots)).values()]).toEqual(slots.map(() => 'live'));
  });
});
