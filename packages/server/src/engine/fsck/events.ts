import type { Artifact, MetadataEvent } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import { openEvent } from '../events/sealed-event.ts';
import { sealedLast } from './found-by.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';

/**
 * Every event belongs to a call that has its details, under whose key it is sealed; in a deep look it opens there. Those
 * that wait for their call are artifacts of calls that are awaited, and are looked at as such.
 */
export async function checkEvents(look: Look): Promise<void> {
  const read = async (afterId: string) => await look.reads.events.page(afterId, pageSize);
  for await (const page of paged('', read, (last: MetadataEvent) => last.id)) {
    look.findings.count('events', page.length);
    for (const [tenantId, events] of byTenant(page)) await checkOfTenant(look, tenantId, events);
  }
}

async function checkOfTenant(look: Look, tenantId: string, events: readonly MetadataEvent[]): Promise<void> {
  const callIds = [...new Set(events.map((event) => event.callId))];
  const artifacts = await look.reads.artifacts.findMany(callIds, 'details');
  const mine = artifacts.filter((one) => one.tenantId === tenantId).toSorted(sealedLast);
  const details = new Map(mine.map((one) => [one.ownerId, one]));
  const keys = look.isDeep ? await keysOf(look, [...details.values()]) : new Map<number, Buffer>();
  for (const event of events) {
    const its = details.get(event.callId);
    const what = `event ${event.id} of call ${event.callId}`;
    if (its === undefined) {
      const cure = { code: 'event_orphaned', kind: 'events', tenantId, callId: event.callId } as const;
      look.findings.problem('event_orphaned', what, cure);
      continue;
    }
    const key = keys.get(its.slot);
    if (key !== undefined && !opens(key, its, event)) look.findings.problem('event_damaged', what);
  }
  for (const key of keys.values()) key.fill(0);
}

/** Keys that are live now: what was erased since the instant of the look is left out, and damage is told by others. */
async function keysOf(look: Look, details: readonly Artifact[]): Promise<Map<number, Buffer>> {
  try {
    return await look.engine.tree.keysOf(details.map((artifact) => artifact.slot));
  } catch (error) {
    if (hasCode(error, 'damage')) return new Map();
    throw error;
  }
}

function opens(key: Buffer, details: Artifact, event: MetadataEvent): boolean {
  try {
    openEvent(key, details, event);
    return true;
  } catch (error) {
    if (hasCode(error, 'damage')) return false;
    throw error;
  }
}
