import { firstIdOf } from '../lib/ids.ts';
import type { Erasure, Hold } from '../model/erasure.ts';
import type { TombstoneToken } from '../model/erasure-store.ts';
import type { JournalEntry, JournalKind } from '../model/key-store.ts';
import type { Epoch, IdentifierKind, StoredToken } from '../model/token-store.ts';
import type { Limits } from './context.ts';

/*
 * What a journal entry carries for a replay besides ids and slots: written by erasures and holds, read again by a
 * restore, possibly by a later version. Tokens stand as hex; nothing here can be read without the tenant's keys.
 */

/** Of an `item_erased` entry. The tokens are those of the purged call's tombstone, under the tenant's tombstone key. */
export type ErasedDetail = { keepRecording: boolean; tombstoneTokens: { kind: IdentifierKind; token: Buffer }[] };

/** Of a `hold_placed` entry. Tokens are under their epoch's key, and no longer worth anything once that is destroyed. */
export type HoldDetail = {
  callIds: string[];
  tokens: { kind: IdentifierKind; epochId: string; token: Buffer }[];
  from: number | null;
  to: number | null;
  reviewAt: number | null;
  holdsAll: boolean;
};

/** Null where there is nothing to say, as for most actions. */
export function toErasedDetail(
  erasure: Pick<Erasure, 'keepRecording'>,
  tombstone: readonly TombstoneToken[] | undefined,
): JournalEntry['detail'] {
  const tokens = tombstone?.map(({ kind, token }) => [kind, hex(token)]) ?? [];
  if (!erasure.keepRecording && tokens.length === 0) return null;
  return { ...(erasure.keepRecording && { keepRecording: true }), ...(tokens.length > 0 && { tombstone: { tokens } }) };
}

/** Reads what `toErasedDetail` made. Whatever is not of its shape counts as not there. */
export function fromErasedDetail(detail: JournalEntry['detail']): ErasedDetail {
  const { keepRecording, tombstone } = record(detail);
  const tombstoneTokens = list(record(tombstone)['tokens']).flatMap((one) => {
    const [kind, token] = list(one);
    return isKind(kind) && typeof token === 'string' ? [{ kind, token: Buffer.from(token, 'hex') }] : [];
  });
  return { keepRecording: keepRecording === true, tombstoneTokens };
}

/** `tokens` are the hold's own, just written; `epochs` the tenant's living ones. */
export function toHoldDetail(
  hold: Pick<Hold, 'from' | 'to' | 'reviewAt' | 'holdsAll'>,
  callIds: readonly string[],
  tokens: readonly StoredToken[],
  epochs: readonly Epoch[],
): JournalEntry['detail'] {
  // By the epoch's id: its number may be given again to another one after a restore.
  const idOf = new Map(epochs.map((epoch) => [epoch.number, epoch.id]));
  const named = tokens.map(({ kind, epoch, token }) => [kind, idOf.get(epoch), hex(token)]);
  const { from, to, reviewAt, holdsAll } = hold;
  return { callIds, tokens: named, from, to, reviewAt, ...(holdsAll && { holdsAll }) };
}

/** Reads what `toHoldDetail` made. Whatever is not of its shape counts as not there. */
export function fromHoldDetail(detail: JournalEntry['detail']): HoldDetail {
  const { callIds, tokens, from, to, reviewAt, holdsAll } = record(detail);
  return {
    callIds: list(callIds).filter((id) => typeof id === 'string'),
    tokens: list(tokens).flatMap((one) => {
      const [kind, epochId, token] = list(one);
      const isToken = isKind(kind) && typeof epochId === 'string' && typeof token === 'string';
      return isToken ? [{ kind, epochId, token: Buffer.from(token, 'hex') }] : [];
    }),
    from: numberOrNull(from),
    to: numberOrNull(to),
    reviewAt: numberOrNull(reviewAt),
    holdsAll: holdsAll === true,
  };
}

/** Kinds of entries whose details are forgotten in time. */
export type ForgottenKind = Extract<JournalKind, 'item_erased' | 'hold_placed'>;
export const forgottenKinds: readonly ForgottenKind[] = ['item_erased', 'hold_placed'];

/** A segment outlives the last key older than it by a day, and may wait another one for an expiry to come. */
export const segmentsOutliveMs = 2 * 24 * 3_600_000;

/**
 * Entries of the kind whose ids sort before this one need their details no more, at a time `atMs`: no vault segment that
 * a restore reads them from is left, nor, of an erased item, the tombstone that fsck would make again from them.
 */
export function forgottenBefore(
  kind: ForgottenKind,
  atMs: number,
  limits: Pick<Limits, 'horizonMs' | 'tombstoneMs'>,
): string {
  const segmentMs = limits.horizonMs + segmentsOutliveMs;
  const keptMs = kind === 'item_erased' ? Math.max(limits.tombstoneMs, segmentMs) : segmentMs;
  // A tombstone may be kept for longer than there have been clocks of this kind.
  return firstIdOf(Math.max(0, atMs - keptMs));
}

/** True of an entry whose detail may have been forgotten by the time `atMs`. */
export function isForgettable(
  { id, kind }: Pick<JournalEntry, 'id' | 'kind'>,
  atMs: number,
  limits: Pick<Limits, 'horizonMs' | 'tombstoneMs'>,
): boolean {
  return forgottenKinds.some((one) => one === kind && id < forgottenBefore(one, atMs, limits));
}

/**
 * What stays of an entry's detail when it is forgotten: of an erased item all but its tombstone, since what it reached is
 * still asked for; of a hold nothing; of other entries everything. Forgetting again changes nothing.
 */
export function leftOfDetail({ kind, detail }: Pick<JournalEntry, 'kind' | 'detail'>): JournalEntry['detail'] {
  if (kind === 'hold_placed') return null;
  const { tombstone, ...rest } = record(detail);
  if (kind !== 'item_erased' || tombstone === undefined) return detail;
  return Object.keys(rest).length === 0 ? null : rest;
}

const kinds: Record<IdentifierKind, true> = {
  phone: true,
  email: true,
  session: true,
  external: true,
  master: true,
  case: true,
  collection: true,
  alias: true,
};

function isKind(value: unknown): value is IdentifierKind {
  return typeof value === 'string' && Object.hasOwn(kinds, value);
}

function hex(token: Uint8Array): string {
  return Buffer.from(token).toString('hex');
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
