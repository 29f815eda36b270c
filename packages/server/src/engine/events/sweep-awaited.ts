import type { Call } from '../../model/call.ts';
import { codeOf } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { heldAmong } from '../holds/held-calls.ts';
import { endAwaited } from './absorb.ts';
import { awaitedMsMax } from './awaited.ts';

/** Events destroyed in one go. */
const batch = 100;

/**
 * Destroys events whose calls have not come in a day, oldest first, but for those under a legal hold. Returns how many. One
 * that will not go keeps no other from it; the first failure is thrown in the end.
 */
export async function sweepAwaited(engine: Engine): Promise<number> {
  await bringBack(engine);
  const before = engine.clock.now() - awaitedMsMax;
  const failures: unknown[] = [];
  let destroyed = 0;
  for (let after: Call | undefined; destroyed < batch && !engine.stopping.aborted; ) {
    const old = await engine.store.reads.calls.awaitedSince(before, batch, after);
    for (const call of old) {
      try {
        destroyed += await expire(engine, call, before);
      } catch (error) {
        engine.log.warn('event.not_expired', { callId: call.id, code: codeOf(error) });
        failures.push(error);
      }
    }
    after = old.at(-1);
    if (old.length < batch) break;
  }
  if (destroyed > 0) engine.sealer.request();
  if (failures.length > 0) throw failures[0];
  return destroyed;
}

/** What a purge is about to shred is the purge's, and what a hold covers stays for as long as it does. */
async function expire(engine: Engine, { id, tenantId }: Call, before: number): Promise<number> {
  return await engine.store.write(async (tx) => {
    await tx.holds.lock(tenantId, 'shared');
    const call = await tx.calls.find(tenantId, id);
    if (call?.status !== 'awaited' || call.createdAt >= before) return 0;
    if ((await gatedByPurge(tx, [id])).has(id) || (await heldAmong(engine, tx, tenantId, [id])).has(id)) return 0;
    return await endAwaited(engine, tx, tenantId, [id]);
  });
}

/** An event that came while the clock was ahead counts as come now: else it would be kept for longer than a day. */
async function bringBack(engine: Engine): Promise<void> {
  const now = engine.clock.now();
  const after = { createdAt: now, id: '' };
  const early = await engine.store.reads.calls.awaitedSince(Number.MAX_SAFE_INTEGER, batch, after);
  const ahead = early.filter((call) => call.createdAt > now);
  if (ahead.length === 0) return;
  await engine.store.write(async (tx) => {
    for (const { id, tenantId } of ahead) {
      const call = await tx.calls.find(tenantId, id);
      if (call?.status === 'awaited' && call.createdAt > now) await tx.calls.update(id, { createdAt: now });
    }
  });
}
