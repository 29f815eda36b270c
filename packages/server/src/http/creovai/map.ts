import type { NewCall } from '../../engine/archive/new-call.ts';
import type { SessionStanding } from '../../engine/calls/call-status.ts';
import type { PurgeItem } from '../../engine/erasure/purge.ts';
import type { Identifier } from '../../model/call.ts';
import type { CreovaiCall, CreovaiContact } from './archive-info.ts';
import { lowerAscii } from './json-in.ts';

/** Participants who work for the tenant, or are machines. Everybody else counts as the customer. */
const internalTypes: ReadonlySet<string> = new Set(['agent', 'ivr', 'system', 'bot']);

/** A call as a Creovai client describes it, as the engine archives it. */
export function toNewCall(call: CreovaiCall): NewCall {
  const { contacts, numberDialed, audio, metadata, extra } = call;
  const { sessionId, masterCallId, caseReferenceId, collectionId } = call;
  return {
    kind: 'call',
    source: 'creovai',
    direction: call.direction,
    startedAt: call.startTimeMs,
    endedAt: call.endTimeMs ?? null,
    durationMs: durationMsOf(call),
    identifiers: identifiersOf(call),
    details: { contacts, numberDialed, audio, metadata, extra },
    correlation: { sessionId, masterCallId, caseReferenceId, collectionId },
    transcript: null,
    audioFormat: audio?.format || null,
  };
}

/** Some clients send the start twice, or an end before it, when they do not know how long the call was. */
function durationMsOf({ startTimeMs, endTimeMs }: CreovaiCall): number | null {
  return endTimeMs !== undefined && endTimeMs > startTimeMs ? endTimeMs - startTimeMs : null;
}

/** What the call is found by. Never the number dialled: it is often the tenant's own, or a queue's. */
function identifiersOf(call: CreovaiCall): Identifier[] {
  const named: [Identifier['kind'], string | undefined][] = [
    ['session', call.sessionId],
    ['master', call.masterCallId],
    ['case', call.caseReferenceId],
    ['collection', call.collectionId],
  ];
  for (const contact of call.contacts.filter(isExternal)) {
    named.push(['phone', contact.phoneNumber], ['email', contact.email]);
  }
  return named.flatMap(([kind, value]) => (value === undefined || value === '' ? [] : [{ kind, value }]));
}

function isExternal({ type }: CreovaiContact): boolean {
  return !internalTypes.has(lowerAscii(type ?? '').trim());
}

/** The words of the status API that we have use for; its clients throw on any that they do not know. */
export type StatusItem =
  | { status: 'NotFound'; sessionId: string }
  | { status: 'InProgress' | 'Complete' | 'Excluded'; callId: string; sessionId: string; durationSec?: number };

/**
 * What the status API says of a session. A call being erased is `Complete` until its bytes are gone. Keys without a value
 * are left out, since some clients stumble over null.
 */
export function toStatusItem(sessionId: string, standing: SessionStanding): StatusItem {
  switch (standing.kind) {
    case 'call': {
      const { id: callId, status, durationMs } = standing.call;
      const words = { uploading: 'InProgress', complete: 'Complete', excluded: 'Excluded' } as const;
      // Whole seconds: a client that reads an integer fails on a fraction.
      const duration = durationMs === null ? {} : { durationSec: Math.round(durationMs / 1000) };
      return { status: words[status], callId, sessionId, ...duration };
    }
    case 'erasing':
      return { status: 'Complete', callId: standing.tombstone.callId, sessionId };
    case 'gone':
    case 'unknown':
      return { status: 'NotFound', sessionId };
  }
}

export type PurgeAnswerItem = {
  callId: string | null;
  sessionId: string | null;
  status: 'Purging' | 'NotFound' | 'Error' | 'WhatIf';
  errorMsg: string | null;
};

const purgeWords: Record<PurgeItem['standing'], Pick<PurgeAnswerItem, 'status' | 'errorMsg'>> = {
  purging: { status: 'Purging', errorMsg: null },
  not_found: { status: 'NotFound', errorMsg: null },
  held: { status: 'Error', errorMsg: 'legal hold' },
  would_purge: { status: 'WhatIf', errorMsg: null },
};

/** One line of a purge's answer, always with all four keys. */
export function toPurgeItem({ callId, sessionId, standing }: PurgeItem): PurgeAnswerItem {
  return { callId, sessionId, ...purgeWords[standing] };
}
