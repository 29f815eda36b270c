/** What must hold of an archive after a death and a restart, looked up as directly as possible. */
import { readdir } from 'node:fs/promises';
import { expect } from 'vitest';
import type { App } from '../../src/app.ts';
import { openJson } from '../../src/engine/artifacts.ts';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';

import { fsck } from '../../src/engine/fsck/fsck.ts';

import { findOwners } from '../../src/engine/identifiers.ts';
import { fromRanges } from '../../src/keys/journal-entries.ts';
import type { Artifact, CallArtifactKind } from '../../src/model/call.ts';
import { hasCode } from '../../src/model/errors.ts';
import { plantedBlob } from '../fsck/planted-blob.ts';
import { archive, type LifeCall, newCallOf, recordingOf, type Standing } from './life.ts';

/** More rows than a life has. */
const all = 100_000;

/** How a session stands, every artifact of it opened and compared bit for bit with what was archived. */
export async function standingOf(engine: Engine, caller: Caller, call: LifeCall): Promise<Standing> {
  const [found] = await sessionStandings(engine, caller, [call.session]);
  const byPhone = await findOwners(engine, engine.store.reads, caller.tenant, phoneOf(call), { afterId: '', limit: 9 });
  if (found === undefined || found.kind === 'unknown') return 'absent';
  expect(found.kind, `${call.session} is never left half erased`).not.toBe('erasing');
  if (found.kind !== 'call') {
    await expectGone(engine, caller, found.tombstone.callId);
    expect(byPhone).not.toContain(found.tombstone.callId);
    return 'gone';
  }
  const { id, status } = found.call;
  expect(status).toBe('complete');
  const artifacts = await engine.store.reads.artifacts.ofOwner(id);
  const has = (kind: CallArtifactKind) => artifacts.some((artifact) => artifact.kind === kind);
  for (const artifact of artifacts) await expectOpens(engine, caller, call, artifact);
  expect(has('correlation')).toBe(true);
  expect(byPhone.includes(id), 'a call is found by its number exactly while its details are there').toBe(
    has('details'),
  );
  if (!has('details')) return 'depersonalized';
  return has('recording') === call.bytes > 0 ? 'whole' : 'muted';
}

function phoneOf(call: LifeCall) {
  return { kind: 'phone', value: call.phone } as const;
}

async function expectGone(engine: Engine, caller: Caller, callId: string): Promise<void> {
  expect(await engine.store.reads.artifacts.ofOwner(callId)).toEqual([]);
  expect(await engine.store.reads.tokens.ofOwner(callId)).toEqual([]);
  expect(await engine.store.reads.calls.find(caller.tenant.id, callId)).toBeUndefined();
  await expect(openRecording(engine, caller, callId)).rejects.toMatchObject({ code: 'recording_not_found' });
}

async function expectOpens(engine: Engine, caller: Caller, call: LifeCall, artifact: Artifact): Promise<void> {
  if (artifact.kind === 'recording') {
    const opened = await openRecording(engine, caller, artifact.ownerId);
    const plain: Buffer[] = [];
    for await (const chunk of opened.body(0, opened.sizeBytes)) plain.push(chunk);
    await opened.close();
    expect(Buffer.concat(plain).equals(recordingOf(call)), `the recording of ${call.session}`).toBe(true);
    return;
  }
  const kind = artifact.kind as Exclude<CallArtifactKind, 'recording'>;
  expect(await openJson(engine, artifact), `${kind} of ${call.session}`).toEqual(newCallOf(call)[kind]);
}

/** A client that heard nothing sends its call again: taken when it never came, refused when it was erased. */
export async function expectRetry(engine: Engine, caller: Caller, call: LifeCall, standing: Standing): Promise<void> {
  const answer = await archive(engine, caller, call).catch((error: unknown) => {
    if (hasCode(error, 'call_erased') || hasCode(error, 'recording_erased')) return error.code;
    throw error;
  });
  const expected: Record<Standing, unknown> = {
    absent: { isNew: true },
    whole: { isNew: false },
    gone: 'call_erased',
    depersonalized: 'call_erased',
    muted: 'recording_erased',
  };
  if (typeof answer === 'string') expect(answer, call.session).toBe(expected[standing]);
  else expect(answer, call.session).toMatchObject(expected[standing] as object);
}

/**
 * No upload, job, byte or key is left half-way, and `fsck` agrees. Of an archive at rest, just opened.
 *
 * @param options.deep a deep look asks for every tombstone by itself: of thousands, it takes longer than all else.
 */
export async function expectAtRest(
  { engine }: App,
  folders: { keysDirs: readonly string[] },
  { deep = true } = {},
): Promise<void> {
  // A life that died before its own repair was through has left the bytes that it planted; nothing else is to be repaired.
  const { clean, problems } = await fsck(engine, { deep, repair: true });
  expect([clean, problems.filter((one) => one.what !== `blob ${plantedBlob}`)], 'fsck').toEqual([true, []]);
  await expectErasuresEnded(engine);
  await expectSlotsJournaledOnce(engine);
  await expectBytesOfRowsOnly(engine);
  const uploads = (await engine.store.reads.calls.page('', all)).filter((call) => call.uploadUntil !== null);
  expect(uploads, 'uploads left').toEqual([]);
  expect(await engine.store.reads.lateArtifacts.page(-1, all), 'artifacts left on their way').toEqual([]);
  expect(await engine.store.reads.doomed.all('', all), 'doomed bytes left').toEqual([]);
  for (const folder of folders.keysDirs) {
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  }
  const { rootKeys } = await engine.rootKeys.status();
  expect(
    rootKeys.map((key) => key.isNamed),
    'with horizon 0 only the named root key lives',
  ).toEqual([true]);
}

/** Every item is verified, or was held; a plan that never started, or was called off, has erased nothing. */
async function expectErasuresEnded(engine: Engine): Promise<void> {
  expect(await engine.store.reads.jobs.list({ unfinishedOnly: true, limit: all })).toEqual([]);
  for (const erasure of await engine.store.reads.erasures.page('', all)) {
    const items = await engine.store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: all });
    const states = new Set(items.map((item) => item.state));
    const hasStarted = erasure.state !== 'planned' && erasure.state !== 'cancelled';
    if (!hasStarted)
      expect(
        [...states].filter((state) => state !== 'planned'),
        'a plan not started',
      ).toEqual([]);
    else expect([...states].filter((state) => state !== 'verified' && state !== 'held')).toEqual([]);
    expect(erasure.state).not.toBe('running');
  }
}

/**
 * Every slot ever born is live and named by one row, or destroyed and covered by exactly one journal row. After a restore
 * the journal may speak of leaves that were never born here.
 */
export async function expectSlotsJournaledOnce(engine: Engine): Promise<void> {
  const { reads } = engine.store;
  const { fanOut } = engine.tree.shape;
  const leaves = (await reads.keys.places(undefined, all)).flatMap(({ level, index }) => (level === 0 ? [index] : []));
  const born = leaves.flatMap((leaf) => Array.from({ length: fanOut }, (_, i) => leaf * fanOut + i));
  const end = ((await reads.keys.readTop())?.nextLeaf ?? 0) * fanOut;
  const journaled = new Map<number, number>();
  for (const entry of await reads.journal.page('', all)) {
    for (const slot of fromRanges(entry.slots)) journaled.set(slot, (journaled.get(slot) ?? 0) + 1);
  }
  expect(
    [...journaled].filter(([, times]) => times !== 1),
    'slots journaled more than once',
  ).toEqual([]);
  const states = await engine.tree.statesOf(born);
  const untold = [...states].flatMap(([slot, state]) => (state === 'destroyed' && !journaled.has(slot) ? [slot] : []));
  const live = [...states].flatMap(([slot, state]) => (state === 'live' ? [slot] : []));
  expect(untold, 'destroyed slots of which the journal is silent').toEqual([]);
  expect(live.filter((slot) => journaled.has(slot))).toEqual([]);
  expect(live, 'live slots and the rows that name them').toEqual(await reads.keys.namedSlots(0, end));
}

/** The blob store has the bytes of every recording's row, whole, and nothing else. */
async function expectBytesOfRowsOnly(engine: Engine): Promise<void> {
  const stored: { name: string; sizeBytes: number }[] = [];
  for await (const { name, sizeBytes, unfinished } of engine.blobs.list()) {
    expect(unfinished, `${name} is whole`).toBe(false);
    stored.push({ name, sizeBytes });
  }
  const rows = (await engine.store.reads.artifacts.page(0, all)).flatMap(({ blob, blobBytes }) =>
    blob === null ? [] : [{ name: blob, sizeBytes: blobBytes }],
  );
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(stored.sort(byName), 'stored bytes and rows').toEqual(rows.sort(byName));
}
