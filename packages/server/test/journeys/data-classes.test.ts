/** The vendor's table of data classes, held against random calls and candidates: in the API and in what is stored. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { scopes } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CampaignWorld, type Seen } from '../support/campaign-world.ts';
import {
  candidateClasses,
  type DataClasses,
  fateOf,
  rowClasses,
  sealedCandidateClasses,
} from '../support/data-classes.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import type { StoredState } from '../support/sealed-state.ts';
import { askToErase, type ErasingMethod, erasingMethods, expectSilence } from '../support/twin-erasing.ts';

/** The same every time, and one that nobody has tried. */
const seeds = [1, 2, 3, 4, 5, 6, 7, Math.floor(Math.random() * 2 ** 31)];
const rows = erasingMethods.flatMap((method) => seeds.map((seed) => ({ method, seed })));

let app: TestApp;

beforeAll(async () => {
  app = await startApp({ env: { TACET_BACKUP_HORIZON: '0' } });
});

afterAll(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});

describe.concurrent('every field of random calls and candidates is what the table says', () => {
  test.each(rows)('after $method (seed $seed)', async ({ method, seed }) => {
    const tenant = await createTenant(app.engine, { slug: `${method.toLowerCase()}-${seed}`, region: 'US' });
    const token = await app.token(scopes, tenant);
    const world = await CampaignWorld.make(app, { tenant, token, seed });
    const before = await world.look();
    expectAllShown(world, before);
    const { subject, reached } = world.choose(method);
    expectSilence(await askToErase(app, token, method, subject));

    const after = await world.look();
    for (const [id, was] of before) {
      const now = after.get(id);
      if (now === undefined) throw new Error('something is no longer there');
      if (!reached.has(id)) expect(now, `${id} was not asked for`).toEqual(was);
      else expectFates(method, world.tablesOf(id), was, now);
    }
    await expectKeysDestroyed(before, after);
    await expectPhonesFind(world, after);
    await world.untilVerified();
    await expectBytesGone(before, after);
    expect(await world.look(), 'what the look behind the answer has changed').toEqual(after);
  });
});

/** A field that was said and does not show could not be seen to go. */
function expectAllShown(world: CampaignWorld, seen: ReadonlyMap<string, Seen>): void {
  for (const { id, shows } of world.calls) {
    const shown = seen.get(id)?.shown ?? {};
    for (const name of shows) expect(shown[name] ?? null, `${name} of ${id}`).not.toBeNull();
    expect(Object.keys(shown).sort()).toEqual([...rowClasses.keys()].sort());
  }
  for (const id of world.candidateIds) {
    expect(Object.keys(seen.get(id)?.shown ?? {}).sort()).toEqual([...candidateClasses.keys()].sort());
  }
}

type Tables = { shown: DataClasses; stored: DataClasses };

function expectFates(method: ErasingMethod, tables: Tables, was: Seen, now: Seen): void {
  for (const [name, { empty, isErasedBy }] of tables.shown) {
    expect(now.shown[name], name).toEqual(isErasedBy(method) ? empty : was.shown[name]);
  }
  const hasAudio = !fateOf(rowClasses, 'recordPath').isErasedBy(method);
  expect(now.audio, 'the recording').toBe(hasAudio ? was.audio : undefined);
  expect(now.linkOpens, 'the link that was given before').toBe(hasAudio && was.linkOpens);
  expectStored(method, tables.stored, was.stored, now.stored);
}

function expectStored(method: ErasingMethod, table: DataClasses, was: StoredState, now: StoredState): void {
  const isErased = (name: string) => fateOf(table, name).isErasedBy(method);
  const kept = Object.entries(was.parts).filter(([kind]) => !isErased(kind));
  expect(now.parts, 'what is sealed').toEqual(Object.fromEntries(kept));
  const findable = Object.entries(was.tokens).filter(([kind]) => !isErased(`token:${kind}`));
  expect(now.tokens, 'what it is found by').toEqual(Object.fromEntries(findable));
  const marks = ['depersonalizedAt', 'recordingErasedAt'].filter((mark) => table.has(mark) && isErased(mark));
  const isCandidate = table === sealedCandidateClasses && marks.length > 0;
  expect(now.row, 'the row').toEqual({
    ...was.row,
    ...Object.fromEntries(marks.map((mark) => [mark, expect.any(Number)])),
    ...(isCandidate && { status: 'CANCELLED', updatedAt: expect.any(Number) }),
  });
}

/** What has no row any more has no key either; what has one can be opened. */
async function expectKeysDestroyed(before: ReadonlyMap<string, Seen>, after: ReadonlyMap<string, Seen>): Promise<void> {
  for (const [id, { stored }] of before) {
    const left = after.get(id)?.stored.parts ?? {};
    for (const [kind, part] of Object.entries(stored.parts)) {
      const [state] = (await app.engine.tree.statesOf([part.slot])).values();
      expect(state, `the key of ${kind}`).toBe(kind in left ? 'live' : 'destroyed');
    }
  }
}

/** A number finds the calls that still show it, and no other. */
async function expectPhonesFind(world: CampaignWorld, after: ReadonlyMap<string, Seen>): Promise<void> {
  for (const { id, phone } of world.calls) {
    if (phone === undefined) continue;
    const isShown = after.get(id)?.shown['phone'] !== null;
    expect((await world.idsByPhone(phone)).includes(id), 'found by its number').toBe(isShown);
  }
}

async function expectBytesGone(before: ReadonlyMap<string, Seen>, after: ReadonlyMap<string, Seen>): Promise<void> {
  for (const [id, { stored }] of before) {
    const blob = stored.parts.recording?.blob;
    if (!blob) continue;
    const isKept = after.get(id)?.stored.parts.recording !== undefined;
    expect((await app.engine.blobs.remaining([blob])).size, 'the bytes').toBe(isKept ? 1 : 0);
    expect(await app.engine.store.reads.doomed.find([blob])).toEqual([]);
  }
}
