import type { CallKind } from '../../model/call.ts';
import type { Retention } from '../../model/tenant.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { inForce, retainedKinds, toComeOf } from './in-force.ts';

/** For how long calls of one kind are kept, newest first, and what is to come. */
export type RetentionOfKind = { kind: CallKind; inForce: readonly Retention[]; toCome: Retention | undefined };

/** What is in force and what is to come, kind by kind. */
export async function listRetention(engine: Engine, caller: Caller): Promise<RetentionOfKind[]> {
  requireScope(caller, 'admin');
  const all = await engine.store.reads.retention.ofTenant(caller.tenant.id);
  const now = engine.clock.now();
  return retainedKinds.map((kind) => ({ kind, inForce: inForce(all, kind, now), toCome: toComeOf(all, kind, now) }));
}

/** What was set last for a kind: what is to come, else what is in force. Undefined where nothing is. */
export async function latestRetention(engine: Engine, caller: Caller, kind: CallKind): Promise<Retention | undefined> {
  const listed = await listRetention(engine, caller);
  const one = listed.find((each) => each.kind === kind);
  return one?.toCome ?? one?.inForce[0];
}
