import { slotsByLeaf } from '../keys/page.ts';
import { hasCode } from '../model/errors.ts';
import type { Engine } from './context.ts';

/** What the key tree tells of many slots. Those in neither were destroyed, or never born. */
export type IntactKeys = {
  /** By slot; copies, which the caller wipes. */
  keys: Map<number, Buffer>;
  /** Slots that a damaged page keeps from us. */
  damaged: ReadonlySet<number>;
};

/** The keys of those of many slots that are live. A damaged key page takes away only what hangs on it. */
export async function intactKeys(engine: Engine, slots: readonly number[]): Promise<IntactKeys> {
  try {
    return { keys: await engine.tree.keysOf(slots), damaged: new Set() };
  } catch (error) {
    if (!hasCode(error, 'damage')) throw error;
  }
  const keys = new Map<number, Buffer>();
  const damaged = new Set<number>();
  for (const mine of slotsByLeaf(slots, engine.tree.shape).values()) {
    try {
      for (const [slot, key] of await engine.tree.keysOf(mine)) keys.set(slot, key);
    } catch (error) {
      if (!hasCode(error, 'damage')) {
        for (const key of keys.values()) key.fill(0);
        throw error;
      }
      for (const slot of mine) damaged.add(slot);
    }
  }
  return { keys, damaged };
}
