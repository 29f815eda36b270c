import type { NewCall } from '../../engine/archive/new-call.ts';
import { type Identifier, noCampaign } from '../../model/call.ts';
import type { CreovaiCall } from './creovai-call.ts';
import { isExternal } from './people.ts';

/** A call, chat or case as a Creovai client describes it, as the engine archives it. */
export function toNewCall(call: CreovaiCall): NewCall {
  const { contacts, numberDialed, audio, metadata, extra } = call;
  const { sessionId, masterCallId, caseReferenceId, collectionId } = call;
  return {
    kind: call.kind,
    source: 'creovai',
    direction: call.direction,
    startedAt: call.startTimeMs,
    endedAt: call.endTimeMs ?? null,
    durationMs: durationMsOf(call),
    ...noCampaign,
    identifiers: identifiersOf(call),
    details: { contacts, numberDialed, audio, metadata, extra },
    correlation: { sessionId, masterCallId, caseReferenceId, collectionId },
    transcript: call.turns === undefined ? null : { turns: call.turns },
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
