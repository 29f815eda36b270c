import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FsckReport } from '../../src/engine/fsck/findings.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { findOwners } from '../../src/engine/identifiers.ts';
import type { Epoch } from '../../src/model/token-store.ts';
import { slotOf } from './damage.ts';
import { erase, type Lived, liveALittle, type OpenArchive, openCopy } from './lived-archive.ts';

let lived: Lived;
beforeAll(async () => {
  lived = await liveALittle();
});
afterAll(async () => await lived.forget());

describe.each([{ deep: false }, { deep: true }])('a repair, deep: $deep,', ({ deep }) => {
  it('keeps key and tokens of an epoch whose row was lost in the middle of a turn, and does not call that clean', async () => {
    const at = await openCopy(lived);
    const old = await oldestEpoch(at);
    await at.engine.epochs.begin(at.story.tenantId);
    const found = await repairedAfterLoss(at, old, deep);
    expect(found).toContain('token_of_ended_epoch');
    expect(await ownersOfPlain(at)).toEqual([at.story.plain]);
    await at.close();
  });

  it('keeps key and tokens of the only epoch of a tenant, its row being lost', async () => {
    const at = await openCopy(lived);
    const found = await repairedAfterLoss(at, await oldestEpoch(at), deep);
    expect(found).toContain('tenant_incomplete');
    expect(await ownersOfPlain(at)).toEqual([at.story.plain]);
    await at.close();
  });

  it('keeps the key of an epoch that lies beside nothing that lives, as long as tokens stand under it', async () => {
    const at = await openCopy(lived);
    await at.engine.epochs.turn(at.story.tenantId);
    await at.engine.issuer.close();
    const old = await oldestEpoch(at);
    await at.engine.epochs.begin(at.story.tenantId);
    await at.engine.issuer.close();
    const found = await repairedAfterLoss(at, old, deep);
    expect(found).toEqual(expect.arrayContaining(['slot_unnamed', 'token_of_ended_epoch']));
    expect(await ownersOfPlain(at)).toEqual([at.story.plain]);
    await at.close();
  });

  it('keeps every key of a held call whose transcript row was lost', async () => {
    const at = await openCopy(lived);
    const slot = slotOf(at, at.story.held, 'transcript');
    at.sql('DELETE FROM artifact WHERE slot = ?', slot);
    expect(await fsck(at.engine, { deep, repair: true })).toMatchObject({ clean: false, repairs: [] });
    expect((await at.engine.tree.statesOf([slot])).get(slot)).toBe('live');
    await at.close();
  });

  it('destroys the key of a lost row once the call that it lay within was purged', async () => {
    const at = await openCopy(lived);
    const slot = slotOf(at, at.story.other, 'transcript');
    at.sql('DELETE FROM artifact WHERE slot = ?', slot);
    await erase(at.engine, at.caller, 'purge', at.story.other);
    const report = await fsck(at.engine, { deep, repair: true });
    expect(report).toMatchObject({ clean: true, repairs: [{ code: 'slot_unnamed' }] });
    expect((await at.engine.tree.statesOf([slot])).get(slot)).toBe('destroyed');
    await at.close();
  });

  it('keeps tokens without an owner as long as a row is missing that they may belong to', async () => {
    const at = await openCopy(lived);
    at.sql('DELETE FROM artifact WHERE owner_id = ?', at.story.plain);
    at.sql('DELETE FROM call WHERE id = ?', at.story.plain);
    const before = await at.engine.store.reads.tokens.ofOwner(at.story.plain);
    expect(before).toHaveLength(3);
    expect(codesOf(await fsck(at.engine, { deep, repair: true }))).toContain('token_orphaned');
    expect(await at.engine.store.reads.tokens.ofOwner(at.story.plain)).toEqual(before);
    await at.close();
  });
});

/** Loses the row of an epoch, repairs, expects that nothing was done, and puts the row back. */
async function repairedAfterLoss(at: OpenArchive, epoch: Epoch, deep: boolean): Promise<string[]> {
  at.sql('DELETE FROM epoch WHERE id = ?', epoch.id);
  const tokens = at.value<number>('SELECT count(*) FROM token');
  const report = await fsck(at.engine, { deep, repair: true });
  expect(report).toMatchObject({ clean: false, repairs: [] });
  expect(at.value<number>('SELECT count(*) FROM token')).toBe(tokens);
  const { id, tenantId, number, slot } = epoch;
  expect((await at.engine.tree.statesOf([slot])).get(slot)).toBe('live');
  at.sql('INSERT INTO epoch (id, tenant_id, number, slot) VALUES (?, ?, ?, ?)', id, tenantId, number, slot);
  return codesOf(report);
}

async function oldestEpoch(at: OpenArchive): Promise<Epoch> {
  const [oldest] = await at.engine.store.reads.tokens.epochs(at.story.tenantId);
  if (oldest === undefined) throw new Error('the tenant has no epoch');
  return oldest;
}

async function ownersOfPlain({ engine, caller }: OpenArchive): Promise<string[]> {
  const session = { kind: 'session', value: 's-plain' } as const;
  return await findOwners(engine, engine.store.reads, caller.tenant, session, { afterId: '', limit: 5 });
}

function codesOf({ problems }: FsckReport): string[] {
  return [...new Set(problems.map((problem) => problem.code))].sort();
}
