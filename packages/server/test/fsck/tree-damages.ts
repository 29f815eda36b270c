import { journalEntry } from '../../src/keys/journal-entries.ts';
import { leafOf } from '../../src/keys/page.ts';
import { rewrite } from '../../src/keys/rewrite.ts';
import { type Damage, flipped, slotOf } from './damage.ts';
import type { OpenArchive } from './lived-archive.ts';

const level = 2 ** 40;

export const pages: Record<string, Damage> = {
  'a leaf that does not open under the key in its parent': {
    plant: (at) => {
      at.sql(
        'UPDATE key_page SET sealed = ? WHERE place = 0',
        flipped(at.value('SELECT sealed FROM key_page WHERE place = 0')),
      );
      return 'page 0/0';
    },
    finds: ['page_damaged'],
  },
  'an inner page that does not open under the key in its parent': {
    plant: (at) => {
      const sealed = flipped(at.value('SELECT sealed FROM key_page WHERE place = ?', 2 * level));
      at.sql('UPDATE key_page SET sealed = ? WHERE place = ?', sealed, 2 * level);
      return 'page 2/0';
    },
    finds: ['page_damaged'],
  },
  'an older copy of a leaf put back': {
    plant: async (at) => {
      const old = at.value<Buffer>('SELECT sealed FROM key_page WHERE place = 0');
      await destroyInJournal(at, slotOf(at, at.story.plain, 'transcript'));
      at.sql("DELETE FROM artifact WHERE owner_id = ? AND kind = 'transcript'", at.story.plain);
      at.sql('UPDATE key_page SET sealed = ? WHERE place = 0', old);
      return 'page 0/0';
    },
    finds: ['page_damaged'],
  },
  'a topmost page that does not open under the root key': {
    plant: (at) => {
      at.sql('UPDATE archive SET page = ?', flipped(at.value('SELECT page FROM archive')));
      return 'page 4/0';
    },
    finds: ['page_damaged'],
  },
  'a page that its parent names and nobody has': {
    plant: (at) => {
      at.sql('DELETE FROM key_page WHERE place = 0');
      return 'page 0/0';
    },
    finds: ['page_missing'],
  },
  'a stored page that its parent does not name': {
    plant: (at) => {
      at.sql('INSERT INTO key_page SELECT 77, sealed FROM key_page WHERE place = 0');
      return 'page 0/77';
    },
    finds: ['page_orphaned'],
  },
  'a stored page whose parent is not stored': {
    plant: (at) => {
      at.sql('INSERT INTO key_page SELECT ?, sealed FROM key_page WHERE place = 0', level + 4000);
      return 'page 1/4000';
    },
    finds: ['page_orphaned'],
  },
  'a stored page above the topmost': {
    plant: (at) => {
      at.sql('INSERT INTO key_page SELECT ?, sealed FROM key_page WHERE place = 0', 5 * level);
      return 'page 5/0';
    },
    finds: ['page_orphaned'],
  },
  'a leaf that the next birth would bear again': {
    plant: (at) => void at.sql('UPDATE archive SET next_leaf = 0'),
    finds: ['leaf_ahead', 'journal_slot_ahead'],
  },
};

export const slots: Record<string, Damage> = {
  'a live slot that no row names, beside nothing that lives': {
    plant: async (at) => `slot ${await straySlot(at)}`,
    finds: ['slot_unnamed'],
    leaves: [],
  },
  'a live slot that no row names and that the journal says was destroyed': {
    plant: async (at) => {
      const slot = slotOf(at, at.story.plain, 'transcript');
      at.sql('DELETE FROM artifact WHERE slot = ?', slot);
      await journal(at, slot);
      return `slot ${slot}`;
    },
    finds: ['journal_slot_live', 'slot_unnamed'],
    leaves: [],
  },
  'a row whose slot was destroyed': {
    plant: async (at) => {
      const slot = slotOf(at, at.story.plain, 'transcript');
      await destroyInJournal(at, slot);
      return `slot ${slot}`;
    },
    finds: ['slot_named_dead'],
  },
  'a row whose slot was never born': {
    plant: (at) => {
      at.sql('INSERT INTO epoch VALUES (?, ?, 9, 500000)', 'e', at.story.tenantId);
      return 'slot 500000';
    },
    finds: ['slot_named_dead'],
  },
  'two rows that name one slot': {
    plant: (at) => {
      const slot = slotOf(at, at.story.tenantId, 'index-key');
      at.sql('INSERT INTO epoch VALUES (?, ?, 9, ?)', 'e', at.story.tenantId, slot);
      return `slot ${slot}`;
    },
    finds: ['slot_shared'],
  },
  'a destroyed slot that the journal does not know': {
    plant: async (at) => {
      const slot = await straySlot(at);
      await at.engine.store.write(async (tx) => await at.engine.tree.destroy(tx.keys, [slot]));
      return `slot ${slot}`;
    },
    finds: ['slot_unjournaled'],
  },
  'a destroyed slot that two journal rows cover': {
    plant: async (at) => {
      const slot = at.value<number>("SELECT json_extract(slots, '$[0][0]') FROM journal WHERE kind = 'item_erased'");
      await journal(at, slot);
      return `slot ${slot}`;
    },
    finds: ['slot_journaled_twice'],
  },
  'a journaled slot that is live': {
    plant: async (at) => {
      const slot = slotOf(at, at.story.plain, 'details');
      await journal(at, slot);
      return `slot ${slot}`;
    },
    finds: ['journal_slot_live'],
  },
  'a slot of a born leaf that holds nothing': {
    plant: async (at) => {
      const slot = slotOf(at, at.story.plain, 'transcript');
      at.sql('DELETE FROM artifact WHERE slot = ?', slot);
      await writeZeros(at, slot);
      return `slot ${slot}`;
    },
    finds: ['slot_empty'],
  },
  'a reservation of a leaf that was never born': {
    plant: (at) => {
      at.sql("INSERT INTO reservation VALUES (999, 'nobody', 1)");
      return 'leaf 999';
    },
    finds: ['reservation_unborn'],
  },
};

export const journals: Record<string, Damage> = {
  'a row about slots of leaves that are still to be born': {
    plant: async (at) => await journal(at, 9_000_000),
    finds: ['journal_slot_ahead'],
  },
  'a row whose ranges are no ranges': {
    plant: async (at) => {
      const id = await journal(at, 0);
      at.sql("UPDATE journal SET slots = '[[7,3]]' WHERE id = ?", id);
      return id;
    },
    finds: ['journal_malformed'],
  },
  'a row copied by a seal that never was': {
    plant: (at) => {
      const id = at.value<string>("SELECT id FROM journal WHERE kind = 'hold_placed'");
      at.sql('UPDATE journal SET copied_by = 5000 WHERE id = ?', id);
      return id;
    },
    finds: ['journal_seal_unknown'],
  },
};

/** Bears a leaf and destroys all of it, as the end of its reservation does, but for one slot, which it returns. */
async function straySlot(at: OpenArchive): Promise<number> {
  const { tree, store } = at.engine;
  const { fanOut } = tree.shape;
  return await store.write(async (tx) => {
    const first = (await tree.bear(tx.keys)) * fanOut;
    const others = Array.from({ length: fanOut }, (_, i) => first + i).filter((slot) => slot !== first + 7);
    const slots = await tree.destroy(tx.keys, others);
    await tx.keys.appendJournal([journalEntry('slots_unnamed', Date.now(), { slots })]);
    return first + 7;
  });
}

/** Adds a journal row about one slot; returns its id. */
async function journal(at: OpenArchive, slot: number): Promise<string> {
  const entry = journalEntry('slots_unnamed', Date.now(), { slots: [slot] });
  await at.engine.store.write(async (tx) => await tx.keys.appendJournal([entry]));
  return entry.id;
}

async function destroyInJournal(at: OpenArchive, slot: number): Promise<void> {
  await at.engine.store.write(async (tx) => {
    const entry = journalEntry('slots_unnamed', Date.now(), { slots: await at.engine.tree.destroy(tx.keys, [slot]) });
    await tx.keys.appendJournal([entry]);
  });
}

/** Rewrites a leaf as the tree does, but with a slot that holds neither a key nor the mark of destruction. */
async function writeZeros(at: OpenArchive, slot: number): Promise<void> {
  const { tree, store } = at.engine;
  const { leaf, offset } = leafOf(slot, tree.shape);
  const apply = (keys: Buffer) => void keys.fill(0, offset * 32, (offset + 1) * 32);
  await store.write(async (tx) => {
    const top = await tree.lock(tx.keys);
    const on = { tx: tx.keys, shape: tree.shape, crypto: tree.crypto };
    await rewrite(on, top, await tree.rootKey(top), [{ leaf, birth: false, apply }]);
  });
}
