import { createHash, sign } from 'node:crypto';
import { SlotRanges } from '../../keys/slot-ranges.ts';
import { toEd25519Jwk } from '../../lib/ed25519-jwk.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { type CallArtifactKind, callArtifactKinds } from '../../model/call.ts';
import type { Erasure, ErasureState, Item } from '../../model/erasure.ts';
import { AppError, Bug } from '../../model/errors.ts';
import type { StoreReads } from '../../model/store.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { findErasure } from '../plans/read-erasure.ts';
import { type ReceiptClaims, type ReceiptOutcome, receiptVersion } from './receipt-claims.ts';
import { receiptHeader } from './receipt-jws.ts';
import { receiptKey } from './receipt-key.ts';
import { receiptSlots } from './receipt-slots.ts';

/** Items read in one go. */
const pageSize = 1000;

/**
 * The signed receipt of an erasure: a JWS in compact form (RFC 7515) with EdDSA over Ed25519 (RFC 8037), made from what the
 * rows of the erasure say. It names no call and nobody. Asked for again it says the same, to the last byte.
 *
 * @throws AppError `erasure_not_found`; `receipt_not_ready` until every item is verified, and for ever where the plan was
 *   called off or something was left.
 */
export async function makeReceipt(engine: Engine, caller: Caller, erasureId: string): Promise<string> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  const erasure = await findErasure(engine.store.reads, caller, erasureId);
  if (erasure.state !== 'completed') throw notReady(erasure.state);
  const claims = await claimsOf(engine, erasure);
  const { privateKey, publicKey } = await receiptKey(engine);
  const header = receiptHeader(toEd25519Jwk(publicKey).kid);
  const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
}

const reasons: Partial<Record<ErasureState, string>> = {
  cancelled: 'The plan was called off: there is no receipt of it',
  completed_with_failures: 'Something of this erasure was left: there is no receipt of it',
};

function notReady(state: ErasureState): AppError {
  const message = reasons[state];
  return new AppError('receipt_not_ready', message === undefined ? {} : { message });
}

async function claimsOf(engine: Engine, erasure: Erasure): Promise<ReceiptClaims> {
  const { reads } = engine.store;
  const { createdAt, unreadableAt, sealedAt, goneAt, action, keepRecording } = erasure;
  const top = await reads.keys.readTop();
  if (top === undefined || unreadableAt === null || sealedAt === null || goneAt === null) {
    throw new Bug('a completed erasure lacks a time');
  }
  const tally = await tallyOf(reads, erasure);
  const end = timeOf(goneAt);
  return {
    iss: top.archiveId,
    sub: erasure.id,
    iat: Math.floor(goneAt / 1000),
    version: receiptVersion,
    tenant: erasure.tenantId,
    action,
    keepRecording,
    state: 'completed',
    counts: tally.counts,
    artifacts: tally.artifacts,
    createdAt: timeOf(createdAt),
    unreadableAt: timeOf(unreadableAt),
    shreddedAt: timeOf(erasure.shreddedAt ?? unreadableAt),
    sealedAt: timeOf(sealedAt),
    goneAt: end,
    issuedAt: end,
    backupsUntil: timeOf(sealedAt + engine.limits.horizonMs),
    slots: receiptSlots(tally.slots),
    itemsSha256: tally.itemsSha256,
    rootKey: await rootKeyOf(reads, tally.generation),
  };
}

type Tally = {
  counts: ReceiptClaims['counts'];
  artifacts: ReceiptClaims['artifacts'];
  itemsSha256: string;
  slots: SlotRanges;
  /** Of the last seal that copied an entry of its items; 0 where there is none. */
  generation: number;
};

/** Reads every item, and the journal's entry of each. */
async function tallyOf(reads: StoreReads, erasure: Erasure): Promise<Tally> {
  const counts = { items: 0, erased: 0, already_erased: 0, not_found: 0 };
  const artifacts = emptyCounts();
  const digest = createHash('sha256');
  const slots = new SlotRanges();
  let [generation, isCounted] = [0, true];
  for (let fromSeq = 0; ; ) {
    const items = await reads.erasures.items(erasure.id, { fromSeq, limit: pageSize });
    const last = items.at(-1);
    if (last === undefined) break;
    for (const item of items) {
      const outcome = verifiedOutcome(item);
      counts.items += 1;
      counts[outcome] += 1;
      digest.update(`${item.callId} ${outcome}\n`);
      for (const kind of item.erasedKinds ?? []) artifacts[kind] += 1;
      if (item.erasedKinds === null && outcome === 'erased') isCounted = false;
    }
    for (const entry of await reads.journal.find(journalIdsOf(items))) {
      // Verified items have been sealed: else they would not be.
      if (entry.copiedBy === null) throw new AppError('receipt_not_ready');
      slots.add(entry.slots);
      generation = Math.max(generation, entry.copiedBy);
    }
    fromSeq = last.seq + 1;
    await nextTurn();
  }
  return { counts, artifacts: isCounted ? artifacts : null, itemsSha256: digest.digest('hex'), slots, generation };
}

function verifiedOutcome({ state, outcome }: Item): ReceiptOutcome {
  if (state !== 'verified') throw new AppError('receipt_not_ready');
  if (outcome !== 'erased' && outcome !== 'already_erased' && outcome !== 'not_found') {
    throw new AppError('damage', { detail: 'an item is verified and was not erased' });
  }
  return outcome;
}

function journalIdsOf(items: readonly Item[]): string[] {
  return items.flatMap(({ journalId }) => journalId ?? []);
}

function emptyCounts(): Record<CallArtifactKind, number> {
  return Object.fromEntries(callArtifactKinds.map((kind) => [kind, 0])) as Record<CallArtifactKind, number>;
}

async function rootKeyOf(reads: StoreReads, generation: number): Promise<ReceiptClaims['rootKey']> {
  if (generation === 0) return null;
  const [seal] = await reads.keys.seals(generation - 1, 1);
  if (seal?.generation !== generation) throw new AppError('damage', { detail: `seal ${generation} is not recorded` });
  return { generation, keyId: seal.keyId };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
