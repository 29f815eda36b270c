/** A scene about calls that are archived already, and what comes of them later. */
import { expect } from 'vitest';
import { type Archived, Upload } from '../../src/engine/archive/upload.ts';
import { type CallChange, changeCall } from '../../src/engine/calls/change-call.ts';
import { sweepLateArtifacts } from '../../src/engine/calls/late-artifacts.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { type ReadCall, readCall } from '../../src/engine/calls/read-call.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import type { Engine } from '../../src/engine/context.ts';
import { eraseNow, type Started } from '../../src/engine/erasure/erase-now.ts';
import type { Artifact } from '../../src/model/call.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import { codeOf } from '../../src/model/errors.ts';
import { archive, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type Scene, startScene } from './scene.ts';

/** A way of erasing, and what becomes of a recording that comes too late for it. */
export type Erasing = { action: ErasureAction; keepRecording: boolean };

export const erasings = {
  'a purge': { action: 'purge', keepRecording: false },
  'a depersonalization': { action: 'depersonalize', keepRecording: false },
  'a depersonalization that keeps the recording': { action: 'depersonalize', keepRecording: true },
  'a deletion of the recording': { action: 'delete-recording', keepRecording: false },
} as const satisfies Record<string, Erasing>;

export type ErasingName = keyof typeof erasings;

/** A call without a recording. */
export const silent: LifeCall = { session: 'silent', phone: '+15125551234', bytes: 0, hasTranscript: true };
/** The same without a transcript. */
export const wordless: LifeCall = { session: 'wordless', phone: '+15125551234', bytes: 0 };
/** What comes later. */
export const lateAudio = recordingOf({ session: 'late', phone: '', bytes: 150_000 });
export const otherAudio = recordingOf({ session: 'other', phone: '', bytes: 150_000 });

export class LateScene {
  readonly scene: Scene;

  static async start(): Promise<LateScene> {
    return new LateScene(await startScene());
  }

  private constructor(scene: Scene) {
    this.scene = scene;
  }

  get engine(): Engine {
    return this.scene.app.engine;
  }

  get caller() {
    return this.scene.app.caller();
  }

  /** Archives a call as a platform does that has its recording, or has none yet. */
  async come(call: LifeCall = silent): Promise<string> {
    if (call.bytes > 0) return (await archive(this.engine, this.caller, call)).callId;
    return (await this.comeSilent(call)).callId;
  }

  async comeSilent(call: LifeCall, of: { candidateId?: string } = {}): Promise<Archived> {
    const upload = new Upload(this.engine, this.caller);
    await upload.describe({ ...newCallOf(call), kind: 'call', source: 'native', ...of }, { hasRecording: false });
    return await upload.finish();
  }

  /** A candidate on a task of its own. */
  async candidate(): Promise<string> {
    const taskId = await createTask(this.engine, this.caller, { name: 'spring', settings: {}, botId: null });
    const details = { phones: [silent.phone], variables: {} };
    const nothing = { callbackData: null, clientExternalId: null, timezone: null, checkPhone: null };
    const correlation = { ...nothing, autoCallTemplateId: null };
    const given = { taskId, botId: null, details, correlation };
    const [id = ''] = await addCandidates(this.engine, this.caller, [given], { start: false });
    return id;
  }

  /** What a recording that comes late is told: whether it is new, or the code that refuses it. */
  async put(
    callId: string,
    source: AsyncIterable<Uint8Array> = chunksOf(lateAudio),
  ): Promise<'new' | 'known' | string> {
    try {
      const { isNew } = await storeLateRecording(this.engine, this.caller, callId, source, {
        contentType: 'audio/mpeg',
      });
      return isNew ? 'new' : 'known';
    } catch (error) {
      return saidOf(error);
    }
  }

  /** What a change is told: nothing, or the code that refuses it. */
  async change(callId: string, change: CallChange): Promise<'changed' | string> {
    try {
      await changeCall(this.engine, this.caller, callId, change);
      return 'changed';
    } catch (error) {
      return saidOf(error);
    }
  }

  /** Begins an erasure; resolves once its gate stands. */
  async begin(callId: string, { action, keepRecording }: Erasing): Promise<Started> {
    const started = await eraseNow(this.engine, this.caller, { action, keepRecording, callIds: [callId] });
    if (started === undefined) throw new Error('there was nothing to erase');
    return started;
  }

  /** Erases until the keys are destroyed. */
  async shred(callId: string, erasing: Erasing): Promise<void> {
    await (await this.begin(callId, erasing)).shredded;
  }

  async read(callId: string): Promise<ReadCall> {
    return await readCall(this.engine, this.caller, callId);
  }

  /** The recording as it is served; undefined where there is none. */
  async heard(callId: string): Promise<Buffer | undefined> {
    const opened = await openRecording(this.engine, this.caller, callId).catch(() => undefined);
    if (opened === undefined) return undefined;
    const plain: Buffer[] = [];
    for await (const chunk of opened.body(0, opened.sizeBytes)) plain.push(chunk);
    await opened.close();
    return Buffer.concat(plain);
  }

  async artifactsOf(callId: string): Promise<Artifact[]> {
    return await this.engine.store.reads.artifacts.ofOwner(callId);
  }

  async sweep(): Promise<number> {
    return await sweepLateArtifacts(this.engine);
  }

  /** Everything is at rest, and there are so many recordings and nothing on its way. */
  async expectRecordings(count: number): Promise<void> {
    await untilQuiet(this.engine);
    expect(await this.scene.storedBlobs()).toHaveLength(count);
    expect(await this.engine.store.reads.lateArtifacts.page(-1, 9)).toEqual([]);
    expect(await this.engine.store.reads.doomed.all('', 9)).toEqual([]);
    const all = await this.engine.store.reads.artifacts.page(0, 1000);
    expect(all.filter(({ kind, sealed }) => kind === 'recording' && sealed !== null)).toHaveLength(count);
    expect(all.filter(({ kind, sealed }) => kind === 'recording' && sealed === null)).toEqual([]);
    for (const erasure of await this.engine.store.reads.erasures.page('', 99)) {
      const { items, verified, held } = await this.engine.store.reads.erasures.tally(erasure.id);
      expect(verified + held).toBe(items);
    }
  }
}

/** The code of a failure that has a name; any other failure is the test's. */
function saidOf(error: unknown): string {
  const code = codeOf(error);
  if (code === 'internal') throw error;
  return code;
}
