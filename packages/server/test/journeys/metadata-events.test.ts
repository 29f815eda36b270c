import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJson } from '../../src/engine/artifacts.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { addEvent, type EventEnd } from '../../src/engine/events/add-event.ts';
import { carriers } from '../../src/engine/events/awaited.ts';
import { eventsOfCall, withEvents } from '../../src/engine/events/events-of-call.ts';
import type { Cores } from '../../src/engine/identifiers.ts';
import { coresOf } from '../../src/engine/identifiers.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import type { Identifier } from '../../src/model/call.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { archiveCall } from '../fsck/lived-archive.ts';
import { type Scene, startScene } from '../support/scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await startScene();
});
afterEach(async () => await scene.end());

const session = (value: string): Identifier => ({ kind: 'session', value });

async function add(subject: Identifier, metadata: Record<string, unknown>, at = 1): Promise<EventEnd> {
  return await addEvent(scene.app.engine, scene.app.caller(), subject, { at, metadata });
}

/** What a call's metadata is, late events applied. */
async function metadataOf(callId: string): Promise<unknown> {
  const { engine } = scene.app;
  const details = await engine.store.reads.artifacts.find(callId, 'details');
  if (details === undefined) return undefined;
  const { metadata = {} } = await openJson<{ metadata?: Record<string, unknown> }>(engine, details);
  return withEvents(metadata, (await eventsOfCall(engine, details)).events);
}

/** Calls of any status that carry an identifier. */
async function carrying(subject: Identifier) {
  const { engine, tenant } = scene.app;
  const cores: Cores = {
    kind: subject.kind,
    cores: (await coresOf(engine, tenant, [subject])).map(({ core }) => core),
  };
  return await carriers(engine, engine.store.reads, tenant.id, cores);
}

async function awaitedCount(): Promise<number> {
  return (await scene.app.engine.store.reads.calls.awaitedSince(Number.MAX_SAFE_INTEGER, 100)).length;
}

describe('an event of an archived call', () => {
  test('is applied in the order of the times that events carry, not of their coming', async () => {
    const id = await scene.archived('s', '5125550001');
    expect(await add(session('s'), { queue: 'late', only: 'third' }, 30)).toBe('applied');
    expect(await add(session('s'), { queue: 'early', tone: 'calm' }, 10)).toBe('applied');
    expect(await add(session('s'), { tone: 'cross' }, 20)).toBe('applied');
    expect(await metadataOf(id)).toEqual({ queue: 'late', only: 'third', tone: 'cross' });
  });

  test('reaches every call of its master id, and no other tenant', async () => {
    await scene.archived('s', '5125550001');
    expect(await add({ kind: 'master', value: 'm' }, { a: 1 })).toBe('kept');
    const stranger = { ...scene.app.caller(), tenant: { ...scene.app.tenant, id: 'somebody-else' } };
    await expect(addEvent(scene.app.engine, stranger, session('s'), { at: 1, metadata: {} })).rejects.toThrow();
    expect((await carrying({ kind: 'master', value: 'm' })).map((call) => call.status)).toEqual(['awaited']);
  });

  test('dies with the purge of its call, and one that comes after it is dropped', async () => {
    const id = await scene.archived('s', '5125550001');
    await add(session('s'), { card: '4111' });
    await scene.client.purge('', { ids: [id] });
    expect(await scene.app.engine.store.reads.events.ofCall(id)).toEqual([]);
    expect(await add(session('s'), { card: '4111' })).toBe('dropped');
    expect(await awaitedCount()).toBe(0);
  });

  test('dies with the depersonalization of its call, and one that comes after it is dropped', async () => {
    const id = await scene.archived('s', '5125550001');
    await add(session('s'), { card: '4111' });
    const asked = { action: 'depersonalize', keepRecording: true, callIds: [id] } as const;
    await (await eraseNow(scene.app.engine, scene.app.caller(), asked))?.ended;
    expect(await scene.app.engine.store.reads.events.ofCall(id)).toEqual([]);
    expect(await add(session('s'), { card: '4111' })).toBe('dropped');
  });

  test('survives the deletion of its recording', async () => {
    const id = await scene.archived('s', '5125550001');
    await add(session('s'), { a: 1 });
    const asked = { action: 'delete-recording', keepRecording: false, callIds: [id] } as const;
    await (await eraseNow(scene.app.engine, scene.app.caller(), asked))?.ended;
    expect(await metadataOf(id)).toEqual({ a: 1 });
  });
});

describe('an event whose call has not come', () => {
  test('waits for it sealed, seen by nobody, and is applied when it comes', async () => {
    expect(await add(session('s'), { a: 'first' }, 10)).toBe('kept');
    expect(await add(session('s'), { a: 'second' }, 5)).toBe('kept');
    expect(await scene.client.status('s')).toBe('NotFound');
    const id = await scene.archived('s', '5125550001');
    expect(await metadataOf(id)).toEqual({ a: 'first' });
    expect((await carrying(session('s'))).map((call) => call.id)).toEqual([id]);
  });

  test('is erased by a purge of its session, which says so without a call id, and the session is refused from then on', async () => {
    await add(session('s'), { a: 1 });
    await add(session('s'), { a: 2 });
    const item = { callId: null, sessionId: 's', errorMsg: null };
    expect(await scene.client.purge('/sessions?whatIf=true', { ids: ['s'] })).toEqual([{ ...item, status: 'WhatIf' }]);
    expect(await scene.client.purge('/sessions', { ids: ['s'] })).toEqual([{ ...item, status: 'Purging' }]);
    expect(await awaitedCount()).toBe(0);
    expect(await scene.client.status('s')).toBe('NotFound');
    await untilQuiet(scene.app.engine);
    expect(await scene.client.purge('/sessions', { ids: ['s'] })).toEqual([{ ...item, status: 'NotFound' }]);
    expect((await scene.client.archive('s', '5125550001', scene.audio)).status).toBe(400);
    expect(await add(session('s'), { a: 3 })).toBe('dropped');
  });

  test('is erased by a purge that meets its upload under way, by session as by call id', async () => {
    for (const [name, path] of [
      ['s-1', '/sessions'],
      ['s-2', ''],
    ] as const) {
      await add(session(name), { a: 1 });
      const { upload, end, answer } = scene.client.slowUpload(name, '5125550001');
      const { reads } = scene.app.engine.store;
      await expect
        .poll(async () => (await carrying(session(name))).map((call) => call.status))
        .toEqual(['awaited', 'uploading']);
      const coming = (await reads.calls.page('', 100)).find((call) => call.status === 'uploading')?.id ?? '';
      await scene.client.purge(path, { ids: [path === '' ? coming : name] });
      expect(await awaitedCount()).toBe(0);
      upload.write(randomBytes(1000));
      end();
      expect(await answer).toBe(400);
    }
  });

  test('is destroyed after a day, and its call may still come', async () => {
    await add(session('s'), { a: 1 });
    scene.lapse(23 * 3_600_000);
    await add(session('s'), { b: 2 });
    await new Upkeep(scene.app.engine).once();
    expect(await awaitedCount()).toBe(2);
    scene.lapse(3_601_000);
    await new Upkeep(scene.app.engine).once();
    expect(await awaitedCount()).toBe(1);
    // Not by HTTP: the scene's token has expired too.
    const id = await archiveCall(scene.app.engine, scene.app.caller(), 's', '5125550001');
    expect(await metadataOf(id)).toEqual({ b: 2 });
  });
});
