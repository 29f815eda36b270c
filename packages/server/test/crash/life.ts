/** What a life in the kill table consists of: its calls, their content, and the ledger it keeps of its own deeds. */

import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../../src/config.ts';
import type { NewCall } from '../../src/engine/archive/new-call.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { noCampaign } from '../../src/model/call.ts';
import { scopes, type Tenant } from '../../src/model/tenant.ts';
import { spokenOnce } from '../support/spoken.ts';

/** One call of the life. `bytes` is the size of its recording; 0 for a chat, which has none. */
export type LifeCall = { session: string; phone: string; bytes: number; dataFirst?: true; hasTranscript?: true };

/** The life's calls by what happens to them. */
export const cast = {
  kept: { session: 'kept', phone: '+15125550100', bytes: 150_000 },
  keptChat: { session: 'kept-chat', phone: '+15125550101', bytes: 0, hasTranscript: true },
  purged: { session: 'purged', phone: '+15125550102', bytes: 70_000, hasTranscript: true },
  purgedTwice: { session: 'purged-twice', phone: '+15125550103', bytes: 3_000, dataFirst: true },
  purgedChat: { session: 'purged-chat', phone: '+15125550103', bytes: 0, hasTranscript: true },
  held: { session: 'held', phone: '+15125550104', bytes: 9_000 },
  depersonalized: { session: 'depersonalized', phone: '+15125550105', bytes: 5_000, hasTranscript: true },
  muted: { session: 'muted', phone: '+15125550106', bytes: 5_000 },
  aborted: { session: 'aborted', phone: '+15125550107', bytes: 80_000 },
  underWay: { session: 'under-way', phone: '+15125550108', bytes: 80_000 },
  /** Purged when only an event of it has come. */
  foretold: { session: 'foretold', phone: '+15125550109', bytes: 0, hasTranscript: true },
  /** Does not come: an event of it waits for it. */
  awaited: { session: 'awaited', phone: '+15125550110', bytes: 0, hasTranscript: true },
} as const satisfies Record<string, LifeCall>;

export const tenantSlug = 'life';

/** How a session may stand once everything is quiet. */
export type Standing = 'absent' | 'whole' | 'gone' | 'depersonalized' | 'muted';

/** What the life writes down before and after each deed, so that whoever comes after its death knows what to expect. */
export type Deed =
  | { did: 'archiving' | 'archived'; session: string }
  | { did: 'erasing' | 'erased'; sessions: string[]; leaves: Standing }
  | { did: 'sending' | 'sent'; event: string }
  | { did: 'adding' | 'added'; to: string; what: 'recording' | 'first' | 'second' };

export function ledgerOf(folder: string) {
  const file = join(folder, 'ledger');
  return {
    // Synchronous: what a killed process has handed to the system is there for the next one.
    tell: (deed: Deed): void => appendFileSync(file, `${JSON.stringify(deed)}\n`),
    // The lines are this file's own.
    read: (): Deed[] =>
      existsSync(file)
        ? readFileSync(file, 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Deed)
        : [],
  };
}

/** How a session may stand after these deeds: an answered deed is done, an unanswered one is done or not begun. */
export function possibleStandings(session: string, deeds: readonly Deed[]): Set<Standing> {
  let possible = new Set<Standing>(['absent']);
  const neverFinishes = session === cast.aborted.session || session === cast.underWay.session;
  for (const deed of deeds) {
    if ('session' in deed && deed.session === session) {
      if (deed.did === 'archived') possible = new Set(['whole']);
      else if (!neverFinishes) possible.add('whole');
    }
    if ('sessions' in deed && deed.sessions.includes(session)) {
      if (deed.did === 'erased') possible = new Set([deed.leaves]);
      else possible.add(deed.leaves);
    }
  }
  return possible;
}

export function lifeConfig(folder: string, env: Record<string, string> = {}): Config {
  return readConfig(lifeEnv(folder, env));
}

/** Horizon 0, so that expiry has something to destroy after every seal. */
export function lifeEnv(folder: string, env: Record<string, string> = {}): Record<string, string> {
  return { TACET_HOME: join(folder, 'home'), TACET_BACKUP_HORIZON: '0', TACET_LISTEN: '127.0.0.1:0', ...env };
}

export function callerOf(tenant: Tenant): Caller {
  return { tenant, actor: { kind: 'client', id: 'life' }, scopes: new Set(scopes) };
}

/** The same bytes for the same call, in every process. */
export function recordingOf({ session, bytes }: LifeCall): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, i) =>
    createHash('sha256').update(`${session} ${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}

export function newCallOf({ session, phone, bytes, hasTranscript }: LifeCall): NewCall {
  return {
    kind: bytes > 0 ? 'call' : 'chat',
    source: 'creovai',
    direction: 'inbound',
    startedAt: 1_700_000_000_000,
    endedAt: 1_700_000_060_000,
    durationMs: 60_000,
    ...noCampaign,
    identifiers: [
      { kind: 'session', value: session },
      { kind: 'phone', value: phone },
    ],
    details: { participants: [{ phone, role: 'customer' }] },
    correlation: { sessionId: session },
    transcript: hasTranscript ? spokenOnce(`what ${session} said`) : null,
    audioFormat: null,
  };
}

/** Archives one call as a surface does; what fails on the way is aborted. */
export async function archive(engine: Engine, caller: Caller, call: LifeCall) {
  const upload = new Upload(engine, caller);
  const store = async () => {
    if (call.bytes > 0) await upload.storeRecording(chunksOf(recordingOf(call)), audio);
  };
  try {
    if (call.dataFirst) await store();
    await upload.describe(newCallOf(call));
    if (!call.dataFirst) await store();
    return await upload.finish();
  } catch (error) {
    await upload.abort();
    throw error;
  }
}

export const audio = { contentType: 'audio/wav', format: 'wav' };

export async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += 16_384) yield bytes.subarray(from, from + 16_384);
}
