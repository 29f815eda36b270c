import type { Engine } from '../../src/engine/context.ts';
import { journalEntry } from '../../src/keys/journal-entries.ts';
import { type LeafEdit, rewrite } from '../../src/keys/rewrite.ts';

/**
 * Slots for many owners at once, as a process that hands them out one after the other would have placed them: those of one
 * owner side by side in one leaf, and what is left at the end of a leaf destroyed. `counts` says how many each wants; the
 * answer is the first slot of each. All leaves are born in one rewrite of the tree.
 */
export async function placeSlots(
  { tree, store, clock }: Pick<Engine, 'tree' | 'store' | 'clock'>,
  counts: readonly number[],
): Promise<number[]> {
  const { fanOut } = tree.shape;
  const { places, used } = pack(counts, fanOut);
  const firstLeaf = await store.keyStore.write(async (tx) => {
    const top = await tree.lock(tx);
    const rootKey = await tree.rootKey(top);
    const births = used.map((_, i): LeafEdit => {
      return { leaf: top.nextLeaf + i, birth: true, apply: (keys) => void tree.crypto.random(keys.length).copy(keys) };
    });
    await rewrite({ tx, shape: tree.shape, crypto: tree.crypto }, top, rootKey, births);
    rootKey.fill(0);
    await tx.updateTop({ nextLeaf: top.nextLeaf + used.length });
    const unnamed = used.flatMap((count, i) => {
      return Array.from({ length: fanOut - count }, (_, k) => (top.nextLeaf + i) * fanOut + count + k);
    });
    const killed = await tree.destroy(tx, unnamed);
    if (killed.length > 0) await tx.appendJournal([journalEntry('slots_unnamed', clock.now(), { slots: killed })]);
    return top.nextLeaf;
  });
  return places.map(({ leaf, at }) => (firstLeaf + leaf) * fanOut + at);
}

/** Where each lies, by leaf and place in it, and how many slots of each leaf are taken. */
function pack(counts: readonly number[], fanOut: number) {
  const places: { leaf: number; at: number }[] = [];
  const used: number[] = [];
  for (const count of counts) {
    const last = used.at(-1);
    const at = last === undefined || last + count > fanOut ? 0 : last;
    if (at === 0) used.push(0);
    places.push({ leaf: used.length - 1, at });
    used[used.length - 1] = at + count;
  }
  return { places, used };
}
