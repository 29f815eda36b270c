/**
 * A process that lives a whole life in the home below FOLDER: archives, holds, erases, turns an epoch, seals, expires.
 *
 * Under `TACET_FAULT` it is killed on the way. Lives it to the end, it prints as JSON how often it came to each fault
 * point.
 */
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { openApp } from '../../src/app.ts';
import { faultsFrom } from '../../src/cli/fault-injection.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import type { PurgeSubject } from '../../src/engine/erasure/purge-subject.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { Faults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { hasCode } from '../../src/model/errors.ts';
import { plantedBlob } from '../fsck/planted-blob.ts';
import {
  archive,
  audio,
  callerOf,
  cast,
  chunksOf,
  type LifeCall,
  ledgerOf,
  lifeConfig,
  newCallOf,
  recordingOf,
  tenantSlug,
} from './life.ts';
import { liveCampaign } from './life-campaign.ts';
import { earlyEvents, type LifeEvent, lateEvents, sendEvent, wordsOf } from './life-events.ts';
import { type Addition, add, lateArtifactOf, lateCast } from './life-late.ts';
import { livePlans } from './life-plans.ts';
import { untilQuiet } from './quiet.ts';

const [folder = ''] = process.argv.slice(2);
const ledger = ledgerOf(folder);
const reached: Record<string, number> = {};

/** Counts, and dies where it was told to. */
function countingFaults(): Faults {
  const armed = faultsFrom(process.env);
  return {
    at(point) {
      reached[point] = (reached[point] ?? 0) + 1;
      return armed.at(point);
    },
  };
}

// With a recovery key, so that its seals come by every step that there is.
const recovery = { TACET_RECOVERY_KEY: await identityToRecipient(await generateX25519Identity()) };
const app = await openApp(lifeConfig(folder, recovery), { faults: countingFaults(), log: silentLog });
await app.prepare();
app.startBackground(1);
const { engine } = app;
const caller = callerOf(await createTenant(engine, { slug: tenantSlug, region: 'US' }));

const ids = new Map<LifeCall, string>();
const idOf = (call: LifeCall) => ids.get(call) ?? '';

await sendAll(earlyEvents);
await archiveAll();
await sendAll(lateEvents.filter(({ call }) => call !== cast.underWay));
await addLate();
await eraseSome();
await liveCampaign(engine, caller);
await livePlans(engine, caller);
await plantAndRepair();
await engine.rootKeys.seal();
await engine.rootKeys.expire();
await app.close();
process.stdout.write(JSON.stringify(reached));

async function sendAll(events: readonly LifeEvent[]): Promise<void> {
  for (const event of events) {
    ledger.tell({ did: 'sending', event: wordsOf(event) });
    await sendEvent(engine, caller, event);
    ledger.tell({ did: 'sent', event: wordsOf(event) });
  }
}

async function archiveAll(): Promise<void> {
  for (const call of Object.values(cast) as LifeCall[]) {
    if (call === cast.foretold || call === cast.awaited) continue;
    ledger.tell({ did: 'archiving', session: call.session });
    if (call === cast.underWay) continue;
    if (call === cast.aborted) await cutUpload(call);
    else await archiveOne(call);
  }
}

async function archiveOne(call: LifeCall): Promise<void> {
  ids.set(call, (await archive(engine, caller, call)).callId);
  ledger.tell({ did: 'archived', session: call.session });
}

/** An upload whose line breaks in the middle. */
async function cutUpload(call: LifeCall): Promise<void> {
  const upload = new Upload(engine, caller);
  await upload.describe(newCallOf(call));
  await upload.storeRecording(broken(call), audio).catch(() => undefined);
  await upload.abort();
}

async function* broken(call: LifeCall): AsyncGenerator<Buffer> {
  yield lateArtifactOf(call).subarray(0, 30_000);
  throw new Error('the line broke');
}

/** What comes to calls that are there already: whole, cut, and overtaken by an erasure. */
async function addLate(): Promise<void> {
  for (const call of Object.values(lateCast)) {
    ledger.tell({ did: 'archiving', session: call.session });
    await archiveOne(call);
  }
  for (const what of ['recording', 'first', 'second'] as const) await addOne(lateCast.voiced, what);
  const { muffled, overtaken } = lateCast;
  await storeLateRecording(engine, caller, idOf(muffled), broken(muffled), audio).catch(() => undefined);
  const overtaking = storeLateRecording(engine, caller, idOf(overtaken), eraseBetween(overtaken), audio);
  await overtaking.catch((error: unknown) => {
    if (!hasCode(error, 'recording_erased')) throw error;
  });
}

async function addOne(call: LifeCall, what: Addition): Promise<void> {
  ledger.tell({ did: 'adding', to: call.session, what });
  await add(engine, caller, idOf(call), what, call);
  ledger.tell({ did: 'added', to: call.session, what });
}

async function* eraseBetween(call: LifeCall): AsyncGenerator<Buffer> {
  const bytes = lateArtifactOf(call);
  yield bytes.subarray(0, 70_000);
  await eraseOne(call, 'delete-recording');
  yield bytes.subarray(70_000);
}

async function eraseSome(): Promise<void> {
  const hold = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
  const placed = await placeHold(engine, caller, { ...hold, callIds: [idOf(cast.held)] });
  await Promise.all([
    purgeOf([cast.purged, cast.purgedTwice], { by: 'calls', ids: [idOf(cast.purged), idOf(cast.purgedTwice)] }),
    purgeOf([cast.purgedTwice, cast.purgedChat], { by: 'customer', phones: ['(512) 555-0103'], emails: [] }),
    purge(engine, caller, { by: 'calls', ids: [idOf(cast.held)] }, { whatIf: false, waitMs: 10_000 }),
    eraseOne(cast.depersonalized, 'depersonalize'),
    eraseOne(cast.muted, 'delete-recording'),
    purgeUnderWay(),
    purgeOf([cast.foretold], { by: 'sessions', ids: [cast.foretold.session] }),
  ]);
  await engine.epochs.turn(caller.tenant.id);
  await releaseHold(engine, caller, placed.id);
  await purgeOf([cast.held], { by: 'sessions', ids: [cast.held.session] });
  await untilQuiet(engine);
}

async function purgeOf(calls: readonly LifeCall[], subject: PurgeSubject): Promise<void> {
  const sessions = calls.map((call) => call.session);
  ledger.tell({ did: 'erasing', sessions, leaves: 'gone' });
  await purge(engine, caller, subject, { whatIf: false, waitMs: 10_000 });
  ledger.tell({ did: 'erased', sessions, leaves: 'gone' });
}

async function eraseOne(call: LifeCall, action: 'depersonalize' | 'delete-recording'): Promise<void> {
  const leaves = action === 'depersonalize' ? 'depersonalized' : 'muted';
  ledger.tell({ did: 'erasing', sessions: [call.session], leaves });
  const asked = { action, keepRecording: action === 'depersonalize', callIds: [idOf(call)] };
  await (await eraseNow(engine, caller, asked))?.shredded;
  ledger.tell({ did: 'erased', sessions: [call.session], leaves });
}

/** A purge that meets an upload under way: the uploader is refused at the end and nothing of it, or for it, stays. */
async function purgeUnderWay(): Promise<void> {
  const call = cast.underWay;
  const upload = new Upload(engine, caller);
  await upload.describe(newCallOf(call));
  await sendAll(lateEvents.filter((event) => event.call === call));
  await upload.storeRecording(chunksOf(recordingOf(call)), audio);
  await purgeOf([call], { by: 'sessions', ids: [call.session] });
  await upload.finish().catch((error: unknown) => {
    if (!hasCode(error, 'call_erased')) throw error;
  });
  await upload.abort();
}

/** Bytes that nobody names, and the repair that finds them and nothing else. */
async function plantAndRepair(): Promise<void> {
  await engine.blobs.create(plantedBlob, chunksOf(Buffer.alloc(40_000)));
  const report = await fsck(engine, { deep: true, repair: true });
  if (!report.clean || report.problems.length !== 1) throw new Error(JSON.stringify(report.problems));
}
