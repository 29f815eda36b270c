import type { SessionStanding } from '../../engine/calls/call-status.ts';
import { type Call, type CallStatus, isLive } from '../../model/call.ts';

/** The words of the status API that we have use for; its clients throw on any that they do not know. */
export type StatusItem =
  | { status: 'NotFound'; sessionId: string }
  | { status: 'InProgress' | 'Complete' | 'Excluded'; callId: string; sessionId: string; durationSec?: number };

/** What one version says of one session. */
export type ToItem<Item> = (sessionId: string, standing: SessionStanding) => Item;

/** One item per session id, in the order asked, echoing it. `standings` are those of the same ids. */
export function itemsOf<Item>(
  sessionIds: readonly string[],
  standings: readonly SessionStanding[],
  toItem: ToItem<Item>,
): Item[] {
  return sessionIds.map((sessionId, i) => toItem(sessionId, standings[i] ?? { kind: 'unknown' }));
}

/** Metadata that came before its call is no call to anybody outside. */
const words = {
  awaited: 'NotFound',
  uploading: 'InProgress',
  complete: 'Complete',
  excluded: 'Excluded',
} as const satisfies Record<CallStatus, StatusItem['status']>;

/** A call that a platform archives while it is to be dialled, or being spoken, is not complete to these clients. */
function wordOf(call: Call): StatusItem['status'] {
  return call.status === 'complete' && isLive(call) ? 'InProgress' : words[call.status];
}

/**
 * What the status API of version 1 says of a session. A call being erased keeps its last word until its bytes are gone.
 * Keys without a value are left out, since some clients stumble over null.
 */
export function toStatusItem(sessionId: string, standing: SessionStanding): StatusItem {
  switch (standing.kind) {
    case 'call': {
      const { id: callId, durationMs } = standing.call;
      const word = wordOf(standing.call);
      if (word === 'NotFound') return { status: word, sessionId };
      // Whole seconds: a client that reads an integer fails on a fraction.
      const duration = durationMs === null ? {} : { durationSec: Math.round(durationMs / 1000) };
      return { status: word, callId, sessionId, ...duration };
    }
    case 'erasing': {
      const { callId, lastStatus = 'complete' } = standing.tombstone;
      const word = words[lastStatus];
      return word === 'NotFound' ? { status: word, sessionId } : { status: word, callId, sessionId };
    }
    case 'gone':
    case 'unknown':
      return { status: 'NotFound', sessionId };
  }
}

export type SessionItem = {
  status: StatusItem['status'];
  id: string | null;
  sessionId: string;
  durationSec: number | null;
};

/** The same in version 2, which calls the call's id `id`; always with all four keys, for its clients take nulls. */
export function toSessionItem(sessionId: string, standing: SessionStanding): SessionItem {
  const item = toStatusItem(sessionId, standing);
  if (item.status === 'NotFound') return { status: item.status, id: null, sessionId, durationSec: null };
  return { status: item.status, id: item.callId, sessionId, durationSec: item.durationSec ?? null };
}
