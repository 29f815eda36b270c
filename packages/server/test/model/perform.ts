import { Upload } from '../../src/engine/archive/upload.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import type { PurgeSubject } from '../../src/engine/erasure/purge-subject.ts';
import { resolveCalls, resolveCustomer } from '../../src/engine/erasure/resolve.ts';
import { runErasureJob } from '../../src/engine/jobs/erasure-job.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import { AppError } from '../../src/model/errors.ts';
import { audio, chunksOf } from '../crash/life.ts';
import type { Act, ActOf, Subject } from './acts.ts';
import type { Json } from './agreement.ts';
import type { MortalProcess } from './mortal-process.ts';
import { audioOf, factsOf, newCallOf, phones, ranges, whoseAudio } from './universe.ts';
import type { Verbs } from './verbs.ts';

/** One act on a real archive: by which process, for which tenant, with which verbs. */
export type Asking<A> = { act: A; process: MortalProcess; callers: readonly Caller[]; verbs: Verbs };

/** Does what is asked and tells the answer; a refusal is the answer `{ error: code }`. */
export async function perform(asking: Asking<Act>): Promise<Json> {
  try {
    // Each deed is found by the kind of act that it is for.
    return await deeds[asking.act.do](asking as never);
  } catch (error) {
    if (error instanceof AppError) return { error: error.code };
    return { error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown' };
  }
}

const deeds: { [Do in Act['do']]: (asking: Asking<ActOf<Do>>) => Promise<Json> } = {
  upload: async (asking) => {
    await begin(asking);
    return await end(asking);
  },
  begin: async (asking) => {
    await begin(asking);
    return { begun: true };
  },
  finish: end,
  async abort({ act, process }) {
    await taken(process.uploads, act.handle).abort();
    return { aborted: true };
  },
  purge,
  erase,
  async hold({ act, process, callers, verbs }) {
    const written = act.phone === null ? undefined : phones[act.phone]?.[0];
    const placed = await verbs.placeHold(process.engine, callerOf(callers, act.tenant), {
      callIds: act.ids,
      identifiers: written === undefined ? [] : [{ kind: 'phone', value: written }],
      ...(ranges[act.range] ?? ranges[0]),
      reviewAt: null,
      reason: 'a court asked',
    });
    return { hold: placed.id };
  },
  async release({ act, process, callers, verbs }) {
    await verbs.releaseHold(process.engine, callerOf(callers, act.tenant), act.id);
    return { released: true };
  },
  async status({ act, process, callers, verbs }) {
    const standings = await verbs.sessionStandings(process.engine, callerOf(callers, act.tenant), act.sessions);
    return standings.map((standing): Json => {
      if (standing.kind === 'call') return { standing: standing.call.status, id: standing.call.id };
      return { standing: standing.kind, id: 'tombstone' in standing ? standing.tombstone.callId : null };
    });
  },
  play,
  async open({ act, process, callers }) {
    const opened = await openRecording(process.engine, callerOf(callers, act.tenant), act.id);
    const body = opened.body(0, opened.sizeBytes);
    const first = await body.next();
    process.downloads.set(act.handle, { opened, body, pieces: first.done ? [] : [first.value] });
    return { isOpen: true };
  },
  drain,
  async find({ act, process, callers }) {
    const caller = callerOf(callers, act.tenant);
    const { engine } = process;
    return {
      found: await resolveCustomer(engine, engine.store.reads, caller, [
        { kind: 'phone', value: writtenAs(act.phone, act.form) },
      ]),
    };
  },
  async upkeep({ process }) {
    await new Upkeep(process.engine).once();
    return { done: true };
  },
  async work({ process }) {
    await workOnce(process.engine);
    return { done: true };
  },
};

function callerOf(callers: readonly Caller[], tenant: number): Caller {
  const caller = callers[tenant];
  if (caller === undefined) throw new Error('there is no such tenant');
  return caller;
}

function taken<T>(from: Map<number, T>, handle: number): T {
  const one = from.get(handle);
  from.delete(handle);
  if (one === undefined) throw new Error('there is no such handle');
  return one;
}

function writtenAs(phone: number, form: number): string {
  return phones[phone]?.[form] ?? '';
}

/** An upload described and its audio stored, in either order; what is refused is aborted, as surfaces do. */
async function begin({ act, process, callers }: Asking<ActOf<'upload' | 'begin'>>): Promise<void> {
  const upload = new Upload(process.engine, callerOf(callers, act.tenant));
  process.uploads.set(act.handle, upload);
  const hasAudio = factsOf(act.content).kind === 'call';
  const store = async () => {
    if (hasAudio) await upload.storeRecording(chunksOf(audioOf(act.content)), audio);
  };
  try {
    if (act.isDataFirst) await store();
    await upload.describe(newCallOf(act.content));
    if (!act.isDataFirst) await store();
  } catch (error) {
    await taken(process.uploads, act.handle).abort();
    throw error;
  }
}

async function end({ act, process }: Asking<ActOf<'upload' | 'finish'>>): Promise<Json> {
  const upload = taken(process.uploads, act.handle);
  try {
    return await upload.finish();
  } catch (error) {
    await upload.abort();
    throw error;
  }
}

async function purge({ act, process, callers, verbs }: Asking<ActOf<'purge'>>): Promise<Json> {
  const caller = callerOf(callers, act.tenant);
  const options = { whatIf: act.isWhatIf, waitMs: 60_000 };
  return { items: await verbs.purge(process.engine, caller, subjectOf(act.subject), options) };
}

function subjectOf(subject: Subject): PurgeSubject {
  return subject.by === 'phone'
    ? { by: 'customer', phones: [writtenAs(subject.phone, subject.form)], emails: [] }
    : subject;
}

async function erase({ act, process, callers, verbs }: Asking<ActOf<'erase'>>): Promise<Json> {
  const caller = callerOf(callers, act.tenant);
  const { engine } = process;
  const resolved = await resolveCalls(engine, caller, act.ids);
  const callIds = [
    ...new Set(resolved.flatMap((one) => (one.kind === 'call' && one.call.uploadUntil === null ? [one.call.id] : []))),
  ];
  const { action, keepRecording } = act;
  const started = await verbs.eraseNow(engine, caller, { action, keepRecording, callIds });
  // It says undefined when all of them are held, or there are none.
  if (started === undefined) return { held: callIds, items: [] };
  await started.shredded;
  await started.ended;
  const items = await engine.store.reads.erasures.items(started.erasure.id, { fromSeq: 0, limit: callIds.length });
  return { held: [...started.heldCallIds], items: items.map((item) => ({ id: item.callId, outcome: item.outcome })) };
}

/** Some part of a recording: whose it is, when it is that part of it bit for bit. */
async function play({ act, process, callers }: Asking<ActOf<'play'>>): Promise<Json> {
  const opened = await openRecording(process.engine, callerOf(callers, act.tenant), act.id);
  try {
    const from = Math.floor(act.from * opened.sizeBytes);
    const to = from + 1 + Math.floor(act.part * (opened.sizeBytes - from - 1));
    const pieces: Buffer[] = [];
    for await (const piece of opened.body(from, to)) pieces.push(piece);
    return { plays: whoseAudio(Buffer.concat(pieces), { from, to, sizeBytes: opened.sizeBytes }) };
  } finally {
    await opened.close();
  }
}

async function drain({ act, process }: Asking<ActOf<'drain'>>): Promise<Json> {
  const { opened, body, pieces } = taken(process.downloads, act.handle);
  try {
    for await (const piece of body) pieces.push(piece);
  } catch (error) {
    if (error instanceof AppError && error.code === 'recording_not_found') return { content: 'cut' };
    throw error;
  } finally {
    await opened.close();
  }
  return { content: whoseAudio(Buffer.concat(pieces)) === 'other' ? 'something else' : 'whole' };
}

/** Later than any pause or lease of a job: a worker's round need not wait for either. */
const muchLaterMs = 3_600_000;

/** Every unfinished job is run once, whatever became of its last runner. */
async function workOnce(engine: Engine): Promise<void> {
  const now = engine.clock.now() + muchLaterMs;
  const asked = { owner: 'a-worker', now, leaseUntil: now + 1, limit: 100 };
  const jobs = await engine.store.write(async (tx) => await tx.jobs.claim(asked));
  for (const job of jobs) await runErasureJob(engine, job, engine.stopping);
}
