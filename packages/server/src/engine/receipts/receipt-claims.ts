import { isRecord, isSeconds } from '../../lib/compact-jws.ts';
import { isId } from '../../lib/ids.ts';
import { type CallArtifactKind, callArtifactKinds } from '../../model/call.ts';
import type { ErasureAction } from '../../model/erasure.ts';
import type { SlotRange } from '../../model/key-store.ts';

/* What a receipt says. docs/receipts.md explains it claim by claim. Times are ISO 8601 in UTC, to the millisecond. */

/** The media type of a receipt's content, as its header names it (RFC 7515, section 4.1.9). */
export const receiptType = 'tacet-receipt+jwt';
/** Of the claims. It grows when one of them changes its meaning. */
export const receiptVersion = 1;
/** More ranges of slots than these are told by their digest alone. */
export const rangesMax = 5_000;

export const receiptOutcomes = ['erased', 'already_erased', 'not_found'] as const;
export type ReceiptOutcome = (typeof receiptOutcomes)[number];

export type ReceiptClaims = {
  /** The archive. */
  iss: string;
  /** The erasure. */
  sub: string;
  /** When it was finished, in seconds (RFC 7519); to the millisecond it is `goneAt`. */
  iat: number;
  version: typeof receiptVersion;
  tenant: string;
  action: ErasureAction;
  keepRecording: boolean;
  state: 'completed';
  counts: { items: number } & Record<ReceiptOutcome, number>;
  /** How many artifacts of each kind this erasure destroyed the keys of; null where it is too old to have counted them. */
  artifacts: Record<CallArtifactKind, number> | null;
  createdAt: string;
  unreadableAt: string;
  shreddedAt: string;
  sealedAt: string;
  goneAt: string;
  /** Equal to `goneAt`: a receipt that is asked for again says the same. */
  issuedAt: string;
  /** Until then a backup may open that was taken before the erasure. */
  backupsUntil: string;
  /** `sha256` (hex) is over `<from>-<to>\n` of each range; `ranges` are left out where there are more than 5,000. */
  slots: { count: number; rangeCount: number; sha256: string; ranges?: SlotRange[] };
  /** Hex; over `<id> <outcome>\n` of every item, in the order of the plan. */
  itemsSha256: string;
  /** Of the seal that put the destroyed keys beyond the live ones; null where nothing was left to destroy. */
  rootKey: { generation: number; keyId: string } | null;
};

const actions: readonly string[] = ['purge', 'depersonalize', 'delete-recording'] satisfies ErasureAction[];
const timeNames = [
  'createdAt',
  'unreadableAt',
  'shreddedAt',
  'sealedAt',
  'goneAt',
  'issuedAt',
  'backupsUntil',
] as const satisfies (keyof ReceiptClaims)[];
const claimNames: readonly string[] = [
  ...timeNames,
  ...['iss', 'sub', 'iat', 'version', 'tenant', 'action', 'keepRecording', 'state'],
  ...['counts', 'artifacts', 'slots', 'itemsSha256', 'rootKey'],
];

/** The claims when every one is there, has its shape and agrees with the others, and there are no more; else undefined. */
export function readReceiptClaims(value: unknown): ReceiptClaims | undefined {
  if (!isRecord(value) || !hasOnly(value, claimNames)) return undefined;
  const { iss, sub, iat, tenant, action, keepRecording } = value;
  if (![iss, sub, tenant].every((id) => typeof id === 'string' && isId(id))) return undefined;
  if (value['version'] !== receiptVersion || value['state'] !== 'completed') return undefined;
  if (typeof action !== 'string' || !actions.includes(action) || typeof keepRecording !== 'boolean') return undefined;
  if (!timeNames.every((name) => isTime(value[name])) || value['issuedAt'] !== value['goneAt']) return undefined;
  if (!isSeconds(iat) || iat !== Math.floor(Date.parse(String(value['goneAt'])) / 1000)) return undefined;
  if (!areCounts(value['counts']) || !areArtifacts(value['artifacts'])) return undefined;
  if (!areSlots(value['slots']) || !isDigest(value['itemsSha256']) || !isRootKey(value['rootKey'])) return undefined;
  // Every claim has been looked at.
  return value as ReceiptClaims;
}

/** What is hashed of ranges of slots. */
export function rangesText(ranges: readonly SlotRange[]): string {
  return ranges.map(([from, to]) => `${from}-${to}\n`).join('');
}

function hasOnly(value: Record<string, unknown>, names: readonly string[]): boolean {
  return Object.keys(value).every((name) => names.includes(name));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isDigest(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isTime(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const time = new Date(value);
  return !Number.isNaN(time.getTime()) && time.toISOString() === value;
}

function areCounts(value: unknown): boolean {
  if (!isRecord(value) || !hasOnly(value, ['items', ...receiptOutcomes])) return false;
  let sum = 0;
  for (const outcome of receiptOutcomes) {
    const count = value[outcome];
    if (!isCount(count)) return false;
    sum += count;
  }
  return value['items'] === sum;
}

function areArtifacts(value: unknown): boolean {
  if (value === null) return true;
  return (
    isRecord(value) && hasOnly(value, callArtifactKinds) && callArtifactKinds.every((kind) => isCount(value[kind]))
  );
}

function areSlots(value: unknown): boolean {
  if (!isRecord(value) || !hasOnly(value, ['count', 'rangeCount', 'sha256', 'ranges'])) return false;
  const { count, rangeCount, sha256, ranges } = value;
  if (!isCount(count) || !isCount(rangeCount) || rangeCount > count || !isDigest(sha256)) return false;
  if (ranges === undefined) return rangeCount > rangesMax;
  if (!Array.isArray(ranges) || ranges.length !== rangeCount) return false;
  let [slots, after] = [0, -2];
  for (const range of ranges) {
    if (!isRange(range) || range[0] <= after + 1) return false;
    slots += range[1] - range[0] + 1;
    after = range[1];
  }
  return slots === count;
}

/** Both ends included. */
function isRange(value: unknown): value is SlotRange {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to]: unknown[] = value;
  return isCount(from) && isCount(to) && from <= to;
}

function isRootKey(value: unknown): boolean {
  if (value === null) return true;
  if (!isRecord(value) || !hasOnly(value, ['generation', 'keyId'])) return false;
  return isCount(value['generation']) && typeof value['keyId'] === 'string' && value['keyId'] !== '';
}
