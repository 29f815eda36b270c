import { newId } from '../../lib/ids.ts';
import type { Actor, Erasure } from '../../model/erasure.ts';
import type { AuditEntry } from '../../model/tenant.ts';
import type { Caller, Engine } from '../context.ts';

/** An audit row for what a caller did. `detail` holds counts and codes only. */
export function auditEntry(
  engine: Pick<Engine, 'clock'>,
  who: Pick<Caller, 'actor' | 'tenant'> | { actor: Actor; tenantId: string | null },
  event: string,
  subjectId: string | null,
  detail: AuditEntry['detail'] = {},
): AuditEntry {
  const at = engine.clock.now();
  const tenantId = 'tenant' in who ? who.tenant.id : who.tenantId;
  return { id: newId(at), at, tenantId, actor: who.actor, event, subjectId, detail };
}

/** Who asked for an erasure: whatever it comes to is told as theirs, whoever runs it. */
export function askerOf({ actorKind, actorId, tenantId }: Erasure): { actor: Actor; tenantId: string } {
  return { actor: { kind: actorKind, id: actorId }, tenantId };
}
