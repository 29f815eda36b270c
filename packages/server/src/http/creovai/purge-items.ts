import type { PurgeItem } from '../../engine/erasure/purge.ts';

/** What either version says of one purged thing. */
type Verdict = { status: 'Purging' | 'NotFound' | 'Error' | 'WhatIf'; errorMsg: string | null };

const verdicts: Record<PurgeItem['standing'], Verdict> = {
  purging: { status: 'Purging', errorMsg: null },
  not_found: { status: 'NotFound', errorMsg: null },
  held: { status: 'Error', errorMsg: 'legal hold' },
  incomplete: { status: 'Error', errorMsg: 'interaction is incomplete' },
  would_purge: { status: 'WhatIf', errorMsg: null },
};

export type PurgeAnswerItem = { callId: string | null; sessionId: string | null } & Verdict;

/** One line of the answer to a purge of version 1, always with all four keys. */
export function toPurgeItem({ callId, sessionId, standing }: PurgeItem): PurgeAnswerItem {
  return { callId, sessionId, ...verdicts[standing] };
}

export type InteractionPurgeItem = { id: string | null; sessionId: string | null } & Verdict;

/** One line of the answer to a purge of version 2, which calls the call's id `id`; always with all four keys. */
export function toInteractionPurgeItem({ callId, sessionId, standing }: PurgeItem): InteractionPurgeItem {
  return { id: callId, sessionId, ...verdicts[standing] };
}
