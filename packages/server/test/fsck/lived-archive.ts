import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type App, type AppParts, openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { NewCall } from '../../src/engine/archive/new-call.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { openJson } from '../../src/engine/artifacts.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { addEvent } from '../../src/engine/events/add-event.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { silentLog } from '../../src/lib/log.ts';
import { type Identifier, noCampaign } from '../../src/model/call.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import { scopes, type Tenant } from '../../src/model/tenant.ts';
import { expectAtRest } from '../crash/invariants.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { spokenOnce } from '../support/spoken.ts';
import { type CampaignStory, liveACampaign } from './lived-campaign.ts';

/** What the archive has lived through; every id is known. */
export type Story = CampaignStory & {
  tenantId: string;
  /** Archived and left alone. */
  plain: string;
  other: string;
  /** Under an active hold, which is `hold`. */
  held: string;
  hold: string;
  purged: string;
  purge: string;
  /** Lost its details, transcript and recording. */
  depersonalized: string;
  depersonalization: string;
  /** Lost its recording. */
  silenced: string;
};

export type OpenArchive = {
  engine: Engine;
  story: Story;
  /** Folder of the vault; the first one where there are several. */
  vault: string;
  /** The second folder of the vault, where two were asked for. */
  secondVault: string;
  home: string;
  caller: Caller;
  /** Runs one statement on the database, as a hand that does damage would; returns how many rows it changed. */
  sql(text: string, ...parameters: (string | number | Uint8Array | null)[]): number;
  /** The first column of the first row. */
  value<T>(text: string, ...parameters: (string | number)[]): T;
  close(): Promise<void>;
  /** Lets a process finish whatever is to be done, closes, opens again, and expects what holds of an archive at rest. */
  expectAtRest(): Promise<void>;
};

/** An archive that is closed, to be copied for each test. */
export type Lived = { folder: string; story: Story; forget(): Promise<void> };

/** An archive that has lived a little. */
export async function liveALittle(): Promise<Lived> {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-fsck-'));
  const app = await openIn(folder);
  const { engine } = app;
  await app.prepare();
  const tenant = await createTenant(engine, { slug: 'lived', region: 'US' });
  const caller = callerOf(tenant);
  const call = async (session: string, phone: string) => await archiveCall(engine, caller, session, phone);
  const plain = await call('s-plain', '512 555 0001');
  const other = await call('s-other', '512 555 0002');
  const held = await call('s-held', '512 555 0003');
  const purged = await call('s-purged', '512 555 0004');
  const depersonalized = await call('s-depersonalized', '512 555 0005');
  const silenced = await call('s-silenced', '512 555 0006');
  for (const value of ['s-held', 's-purged', 's-depersonalized', 's-silenced', 's-still-to-come']) {
    await addEvent(engine, caller, { kind: 'session', value }, { at: 1, metadata: { heard: 'of' } });
  }
  const hold = await placeHold(engine, caller, {
    callIds: [],
    identifiers: [{ kind: 'phone', value: '512 555 0003' }],
    from: null,
    to: null,
    reviewAt: null,
    reason: 'litigation',
  });
  const purge = await erase(engine, caller, 'purge', purged);
  const depersonalization = await erase(engine, caller, 'depersonalize', depersonalized);
  await erase(engine, caller, 'delete-recording', silenced);
  const campaign = await liveACampaign(engine, caller);
  await app.close();
  return {
    folder,
    forget: async () => await rm(folder, { recursive: true, force: true }),
    story: {
      ...campaign,
      tenantId: tenant.id,
      plain,
      other,
      held,
      hold: hold.id,
      purged,
      purge,
      depersonalized,
      depersonalization,
      silenced,
    },
  };
}

/** A copy of the archive whose vault has two folders, opened. */
export async function openCopyOfTwoVaults(lived: Lived, parts: AppParts = {}): Promise<OpenArchive> {
  return await openCopy(lived, parts, {}, { vaults: 2 });
}

/** A copy of the archive, opened, to be damaged. */
export async function openCopy(
  lived: Lived,
  parts: AppParts = {},
  env: Record<string, string> = {},
  { vaults }: { vaults: 1 | 2 } = { vaults: 1 },
): Promise<OpenArchive> {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-fsck-copy-'));
  await cp(lived.folder, folder, { recursive: true });
  const home = join(folder, 'home');
  const [vault, secondVault] = [`${home}-keys`, `${home}-second-keys`];
  if (vaults === 2) await cp(vault, secondVault, { recursive: true });
  const keysDirs = vaults === 2 ? { TACET_KEYS_DIR: `${vault},${secondVault}` } : {};
  const app = await openIn(folder, parts, { ...keysDirs, ...env });
  const database = new Database(join(home, 'db', 'tacet.sqlite'), { timeout: 5000 });
  const tenant = await app.engine.store.reads.tenants.find({ id: lived.story.tenantId });
  if (tenant === undefined) throw new Error('the copy has no tenant');
  return {
    engine: app.engine,
    story: lived.story,
    vault,
    secondVault,
    home,
    caller: callerOf(tenant),
    sql: (text, ...parameters) => database.prepare(text).run(...parameters).changes,
    // Tests name the type of what they select.
    value: <T>(text: string, ...parameters: (string | number)[]) =>
      database
        .prepare(text)
        .pluck()
        .get(...parameters) as T,
    async close() {
      database.close();
      // What was damaged on purpose may keep the archive from ending its work.
      await app.close().catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
    async expectAtRest() {
      await app.close();
      await finishOff(folder);
      const looking = await openIn(folder, {}, { TACET_BACKUP_HORIZON: '0' });
      await expectAtRest(looking, { keysDirs: [`${home}-keys`] });
      await looking.close();
    },
  };
}

async function finishOff(folder: string): Promise<void> {
  const app = await openIn(folder, {}, { TACET_BACKUP_HORIZON: '0' });
  await app.prepare();
  app.startBackground(1);
  await untilQuiet(app.engine);
  await app.engine.rootKeys.seal();
  await app.engine.rootKeys.expire();
  await app.close();
}

async function openIn(folder: string, parts: AppParts = {}, env: Record<string, string> = {}): Promise<App> {
  const config = readConfig({ TACET_HOME: join(folder, 'home'), ...env });
  return await openApp(config, { log: silentLog, ...parts });
}

function callerOf(tenant: Tenant): Caller {
  return { tenant, actor: { kind: 'cli', id: 'operator' }, scopes: new Set(scopes) };
}

/** Every artifact of a living call that opens to its end, as `owner kind`. */
export async function readableOf({ engine, story, caller }: OpenArchive): Promise<string[]> {
  const readable: string[] = [];
  const top = await engine.store.reads.keys.readTop();
  // Whoever opens something waits a good while for a root key that the vault does not show.
  if (top === undefined || (await engine.vault.open(top.keyId, top.generation)) === undefined) return readable;
  const calls = [story.plain, story.other, story.held, story.depersonalized, story.silenced];
  const campaign = [story.candidate, story.candidateCall, story.erasedCandidate, story.erasedCandidateCall, story.task];
  for (const id of [...calls, ...campaign, story.user]) {
    for (const artifact of await engine.store.reads.artifacts.ofOwner(id)) {
      const isReadable =
        artifact.kind === 'recording' ? playsToItsEnd(engine, caller, id) : openJson(engine, artifact).then(() => true);
      if (await isReadable.catch(() => false)) readable.push(`${id} ${artifact.kind}`);
    }
  }
  return readable;
}

async function playsToItsEnd(engine: Engine, caller: Caller, callId: string): Promise<boolean> {
  const opened = await openRecording(engine, caller, callId);
  let sizeBytes = 0;
  for await (const chunk of opened.body(0, opened.sizeBytes)) sizeBytes += chunk.length;
  await opened.close();
  return sizeBytes === opened.sizeBytes;
}

/** Archives a call with a recording of two sealed segments. */
export async function archiveCall(engine: Engine, caller: Caller, session: string, phone: string): Promise<string> {
  const upload = new Upload(engine, caller);
  await upload.describe(callOf(session, phone));
  await upload.storeRecording(recording(), { contentType: 'audio/mpeg' });
  return (await upload.finish()).callId;
}

export function callOf(session: string, phone: string): NewCall {
  const identifiers: Identifier[] = [
    { kind: 'session', value: session },
    { kind: 'phone', value: phone },
  ];
  return {
    kind: 'call',
    source: 'native',
    direction: 'inbound',
    startedAt: 1_700_000_000_000,
    endedAt: null,
    durationMs: null,
    ...noCampaign,
    identifiers,
    details: {
      contacts: [
        { type: 'Customer', phoneNumber: phone },
        { type: 'Agent', phoneNumber: '512 555 9999' },
      ],
    },
    correlation: { sessionId: session },
    transcript: spokenOnce('hello'),
    audioFormat: null,
  };
}

export async function* recording(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(70_000, 0x55);
}

/** Erases one call and waits until the erasure has ended. */
export async function erase(engine: Engine, caller: Caller, action: ErasureAction, callId: string): Promise<string> {
  const started = await eraseNow(engine, caller, { action, keepRecording: false, callIds: [callId] });
  if (started === undefined) throw new Error('nothing was erased');
  await started.ended;
  return started.erasure.id;
}
