import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Damage } from './damage.ts';
import type { OpenArchive } from './lived-archive.ts';

export const blobs: Record<string, Damage> = {
  'bytes that no row names': {
    plant: async (at) => await put(at, `${at.story.plain}-12345`, randomBytes(100)),
    finds: ['blob_unnamed'],
    leaves: [],
  },
  'bytes under the name of a slot that another artifact has': {
    plant: async (at) => {
      const slot = at.value<number>("SELECT slot FROM artifact WHERE kind = 'index-key'");
      return await put(at, `${at.story.plain}-${slot}`, randomBytes(100));
    },
    finds: ['blob_unnamed'],
    leaves: [],
  },
  'what a create left behind that nobody will finish': {
    plant: async (at) => {
      const name = await put(at, 'left-behind-1', randomBytes(100));
      const shard = await shardOf(at, name);
      await rename(join(shard, name), join(shard, `.${name}.new`));
      return name;
    },
    finds: ['blob_unnamed'],
    leaves: [],
  },
  'what a create left behind beside the recording that it made': {
    plant: async (at) => {
      const shard = await shardOf(at, blobOf(at));
      await link(join(shard, blobOf(at)), join(shard, `.${blobOf(at)}.new`));
      return blobOf(at);
    },
    finds: ['blob_unfinished'],
    leaves: [],
  },
  'a recording without bytes': {
    plant: async (at) => {
      await at.engine.blobs.erase([blobOf(at)]);
      return at.story.plain;
    },
    finds: ['blob_missing'],
  },
  'a recording whose row has lost the name of its bytes': {
    plant: (at) => void at.sql('UPDATE artifact SET blob = NULL WHERE blob = ?', blobOf(at)),
    finds: ['blob_missing', 'blob_unnamed'],
  },
  'a recording of a living call whose row was lost, key and bytes being there': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'recording' AND owner_id = ?", at.story.plain),
    finds: ['blob_unnamed', 'slot_beside_living'],
  },
  'a recording cut short': {
    plant: async (at) => {
      await replace(at, (bytes) => bytes.subarray(0, bytes.length - 5));
      return at.story.plain;
    },
    finds: ['blob_size'],
  },
  'a recording cut short together with its row': {
    plant: async (at) => {
      await replace(at, (bytes) => bytes.subarray(0, 65_536));
      at.sql('UPDATE artifact SET blob_bytes = 65536 WHERE blob = ?', blobOf(at));
      return at.story.plain;
    },
    finds: ['blob_damaged'],
    quick: [],
  },
  'a size that no sealing has': {
    plant: async (at) => {
      await replace(at, (bytes) => bytes.subarray(0, 20));
      at.sql('UPDATE artifact SET blob_bytes = 20 WHERE blob = ?', blobOf(at));
      return at.story.plain;
    },
    finds: ['blob_size'],
  },
  'the bytes of another recording': {
    plant: async (at) => {
      const others = at.value<string>(
        'SELECT blob FROM artifact WHERE owner_id = ? AND blob IS NOT NULL',
        at.story.other,
      );
      const bytes = await readFile(join(await shardOf(at, others), others));
      await replace(at, () => bytes);
      return at.story.plain;
    },
    finds: ['blob_damaged'],
    quick: [],
  },
  'bytes that must go and that nobody will remove': {
    plant: async (at) => {
      const name = await put(at, `${at.story.silenced}-77`, randomBytes(10));
      at.sql(
        'INSERT INTO doomed_blob (blob, owner_id, erasure_id, since) VALUES (?, ?, ?, 1)',
        name,
        at.story.silenced,
        at.story.depersonalization,
      );
      return name;
    },
    finds: ['doomed_forgotten'],
    leaves: [],
  },
  'bytes that must go and that an artifact names': {
    plant: (at) => {
      at.sql(
        'INSERT INTO doomed_blob (blob, owner_id, erasure_id, since) VALUES (?, ?, NULL, 1)',
        blobOf(at),
        at.story.plain,
      );
      return blobOf(at);
    },
    finds: ['doomed_named'],
    leaves: [],
  },
  'a call that is said to be gone while bytes of it are still to go': {
    plant: (at) => {
      const name = `${at.story.purged}-77`;
      at.sql(
        'INSERT INTO doomed_blob (blob, owner_id, erasure_id, since) VALUES (?, ?, ?, 1)',
        name,
        at.story.purged,
        at.story.purge,
      );
      return at.story.purged;
    },
    finds: ['doomed_forgotten', 'tombstone_gone_early'],
    leaves: [],
  },
};

export const vault: Record<string, Damage> = {
  'another archive': {
    plant: async (at) => await writeFile(join(at.vault, 'archive'), '{"format":1,"archiveId":"other"}\n'),
    finds: ['archive_foreign'],
  },
  'a head that the database has not reached': {
    plant: async (at) => {
      const top = await at.engine.store.reads.keys.readTop();
      const generation = (top?.generation ?? 0) + 3;
      await at.engine.vault.retire({ generation, keyId: '0'.repeat(32), sealedAt: 1 });
    },
    finds: ['vault_head_ahead'],
  },
  'a head of the same generation and another key': {
    plant: async (at) => {
      const top = await at.engine.store.reads.keys.readTop();
      await at.engine.vault.retire({ generation: top?.generation ?? 0, keyId: 'f'.repeat(32), sealedAt: 1 });
    },
    finds: ['vault_head_ahead'],
  },
  'a head that has missed two seals': {
    plant: async (at) => {
      const { heads } = await at.engine.vault.current();
      await at.engine.vault.expire({ keys: [], segments: [], heads: heads.slice(-2) });
    },
    finds: ['vault_head_behind'],
  },
  'no root key of the name that the database has': {
    plant: async (at) => {
      const top = await at.engine.store.reads.keys.readTop();
      const keys = (await at.engine.vault.current()).keys.filter((key) => key.id === top?.keyId);
      await at.engine.vault.expire({ keys, segments: [], heads: [] });
      return top?.keyId;
    },
    finds: ['root_key_missing'],
  },
  'an entry that the database lacks': {
    plant: (at) => {
      const id = at.value<string>("SELECT id FROM journal WHERE kind = 'hold_placed'");
      at.sql('DELETE FROM journal WHERE id = ?', id);
      return id;
    },
    finds: ['vault_entry_lacking'],
  },
  'an entry that the database tells otherwise': {
    plant: (at) => {
      const id = at.value<string>("SELECT id FROM journal WHERE kind = 'hold_placed'");
      at.sql('UPDATE journal SET at = at + 1 WHERE id = ?', id);
      return id;
    },
    finds: ['vault_entry_differs'],
  },
  'a segment without an entry that was copied into it': {
    plant: async (at) => {
      const id = at.value<string>("SELECT id FROM journal WHERE kind = 'hold_placed'");
      const generation = at.value<number>('SELECT min(copied_by) FROM journal WHERE copied_by IS NOT NULL');
      const last = at.value<number>('SELECT max(copied_by) FROM journal');
      const now = at.value<number>('SELECT copied_by FROM journal WHERE id = ?', id);
      at.sql('UPDATE journal SET copied_by = ? WHERE id = ?', now === last ? generation : last, id);
      return id;
    },
    finds: ['vault_entry_differs'],
  },
  'a segment missing that an older root key still needs': {
    plant: async (at) => {
      const segments = (await at.engine.vault.current()).segments.slice(-1);
      await at.engine.vault.expire({ keys: [], segments, heads: [] });
      return `segment ${segments[0]?.generation}`;
    },
    finds: ['vault_segment_missing'],
  },
  'a head that cannot be read': {
    plant: async (at) => {
      const file = (await readdir(at.vault)).findLast((name) => name.startsWith('head-')) ?? '';
      await writeFile(join(at.vault, file), 'not a head\n');
      return file;
    },
    finds: ['unreadable', 'vault_copy_damaged'],
  },
  'a segment that cannot be read': {
    plant: async (at) => {
      const file = (await readdir(at.vault)).find((name) => name.startsWith('segment-')) ?? '';
      await writeFile(join(at.vault, file), 'not a segment\n');
      return file;
    },
    finds: ['unreadable', 'vault_copy_damaged'],
  },
};

export const database: Record<string, Damage> = {
  'a page of its file overwritten': {
    plant: async (at) => {
      await at.engine.store.checkpoint();
      const page = at.value<number>("SELECT rootpage FROM sqlite_schema WHERE name = 'tombstone_token'");
      const pageBytes = at.value<number>('PRAGMA page_size');
      const file = await open(join(at.home, 'db', 'tacet.sqlite'), 'r+');
      await file.write(randomBytes(pageBytes), 0, pageBytes, (page - 1) * pageBytes);
      await file.close();
    },
    finds: ['database_malformed'],
  },
};

function blobOf(at: OpenArchive): string {
  return at.value<string>('SELECT blob FROM artifact WHERE owner_id = ? AND blob IS NOT NULL', at.story.plain);
}

async function put(at: OpenArchive, name: string, bytes: Buffer): Promise<string> {
  await at.engine.blobs.create(name, once(bytes));
  return name;
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The folder that a blob lies in. */
async function shardOf(at: OpenArchive, name: string): Promise<string> {
  const root = join(at.home, 'blobs');
  for (const shard of await readdir(root)) {
    const names = await readdir(join(root, shard)).catch((): string[] => []);
    if (names.includes(name)) return join(root, shard);
  }
  throw new Error('no such blob');
}

/** Puts other bytes in the place of the plain call's recording. */
async function replace(at: OpenArchive, by: (bytes: Buffer) => Uint8Array): Promise<void> {
  const path = join(await shardOf(at, blobOf(at)), blobOf(at));
  const bytes = by(await readFile(path));
  await rm(path);
  await writeFile(path, bytes);
}
