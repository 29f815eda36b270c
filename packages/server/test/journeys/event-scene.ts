/** A scene about one call, of which events come before it, after it, and at the worst moment. */
import { expect } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import type { Engine } from '../../src/engine/context.ts';
import { type PurgeItem, type PurgeOptions, purge } from '../../src/engine/erasure/purge.ts';
import type { PurgeSubject } from '../../src/engine/erasure/purge-subject.ts';
import type { EventEnd } from '../../src/engine/events/add-event.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import type { Identifier } from '../../src/model/call.ts';
import type { Hold } from '../../src/model/erasure.ts';
import type { StoreReads } from '../../src/model/store.ts';
import { archive, audio, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { type LifeEvent, openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import { type Scene, startScene } from '../support/scene.ts';

export const call: LifeCall = { session: 'racing', phone: '+15125551234', bytes: 20_000 };
export const early: LifeEvent = { call, field: 'early' };
export const late: LifeEvent = { call, field: 'late' };
export const bySession: PurgeSubject = { by: 'sessions', ids: [call.session] };

/** Reads outside a transaction that are to be others. */
type Looks = { [Noun in 'artifacts' | 'erasures']?: Partial<StoreReads[Noun]> };

export class EventScene {
  readonly scene: Scene;

  static async start(): Promise<EventScene> {
    return new EventScene(await startScene());
  }

  private constructor(scene: Scene) {
    this.scene = scene;
  }

  get engine(): Engine {
    return this.scene.app.engine;
  }

  async send(event: LifeEvent): Promise<EventEnd> {
    return await sendEvent(this.engine, this.scene.app.caller(), event);
  }

  /** Archives the call and gives its id. */
  async come(): Promise<string> {
    return (await archive(this.engine, this.scene.app.caller(), call)).callId;
  }

  /** An upload whose bytes are stored and that has yet to finish. */
  async begin(of: LifeCall = call, more: readonly Identifier[] = [], engine: Engine = this.engine): Promise<Upload> {
    const upload = new Upload(engine, this.scene.app.caller());
    const described = newCallOf(of);
    await upload.describe({ ...described, identifiers: [...described.identifiers, ...more] });
    if (of.bytes > 0) await upload.storeRecording(chunksOf(recordingOf(of)), audio);
    return upload;
  }

  /** How the first thing stands that is named. */
  async purge(
    subject: PurgeSubject = bySession,
    options: Partial<PurgeOptions> = {},
    engine: Engine = this.engine,
  ): Promise<PurgeItem['standing'] | undefined> {
    const asked = { whatIf: false, waitMs: 10_000, ...options };
    return (await purge(engine, this.scene.app.caller(), subject, asked))[0]?.standing;
  }

  /** Places a hold on the session. */
  async hold(): Promise<Hold> {
    const identifiers = [{ kind: 'session', value: call.session }] as const;
    const hold = { callIds: [], identifiers, from: null, to: null, reviewAt: null, reason: 'a court asked' };
    return await placeHold(this.engine, this.scene.app.caller(), hold);
  }

  /** The same engine, some of whose looks are others: something may happen between two of them. */
  engineWith(looks: Looks): Engine {
    const { store } = this.engine;
    const artifacts = { ...store.reads.artifacts, ...looks.artifacts };
    const erasures = { ...store.reads.erasures, ...looks.erasures };
    const reads: StoreReads = { ...store.reads, artifacts, erasures };
    return { ...this.engine, store: { ...store, reads, write: store.write.bind(store) } };
  }

  /** Every event that can be opened, as often as it can be, and how the call stands that it is with. */
  async opened(): Promise<string[]> {
    const found = [...(await openedEvents(this.engine))];
    return found.flatMap(([words, calls]) => calls.map(({ status }) => `${status}: ${words}`)).sort();
  }

  /** Nothing of the session can be opened, and nothing of it is taken any more. */
  async expectPurged(): Promise<void> {
    expect(await this.opened()).toEqual([]);
    expect(await this.send(late)).toBe('dropped');
    await expect(this.come()).rejects.toMatchObject({ code: 'call_erased' });
    const { reads } = this.engine.store;
    expect(await reads.calls.awaitedSince(Number.MAX_SAFE_INTEGER, 9)).toEqual([]);
    expect(await reads.events.page('', 9)).toEqual([]);
  }
}

/** What `opened` says of events that are with calls of this status. */
export function eventsWith(status: 'awaited' | 'complete', ...events: LifeEvent[]): string[] {
  return events.map((event) => `${status}: ${wordsOf(event)}`).sort();
}
