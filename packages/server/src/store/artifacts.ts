import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { changeOne } from './changes.ts';
import { toArtifact } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function artifactReads(session: Session): StoreReads['artifacts'] {
  return {
    /** By slot. */
    async ofOwner(ownerId) {
      const sql = 'SELECT * FROM artifact WHERE owner_id = ? ORDER BY slot';
      return (await session.rows<Row<'artifact'>>(sql, [ownerId])).map(toArtifact);
    },
    /** Where an owner has several of a kind, another is about to take the place of the one that is sealed. */
    async find(ownerId, kind) {
      const sql = 'SELECT * FROM artifact WHERE owner_id = ? AND kind = ? ORDER BY sealed IS NULL, slot DESC LIMIT 1';
      const row = await session.first<Row<'artifact'>>(sql, [ownerId, kind]);
      return row && toArtifact(row);
    },
    async findMany(ownerIds, kind) {
      const sql = `SELECT * FROM artifact WHERE ${session.dialect.within('owner_id')} AND kind = ?`;
      return (await session.rows<Row<'artifact'>>(sql, [session.dialect.list(ownerIds), kind])).map(toArtifact);
    },
    async sizesOf(ownerIds, kinds) {
      const { dialect } = session;
      // As below: no value is read.
      const sql = `SELECT owner_id, kind,
          sum(CASE WHEN blob IS NULL THEN coalesce(length(sealed), 0) ELSE coalesce(blob_bytes, 0) END) AS bytes
        FROM artifact WHERE ${dialect.within('owner_id')} AND ${dialect.within('kind')} GROUP BY owner_id, kind`;
      type Size = Pick<Row<'artifact'>, 'owner_id' | 'kind'> & { bytes: number };
      const rows = await session.rows<Size>(sql, [dialect.list(ownerIds), dialect.list(kinds)]);
      return rows.map((row) => ({ ownerId: row.owner_id, kind: row.kind, bytes: row.bytes }));
    },
    async sealedBytes(ownerIds, kinds) {
      const { dialect } = session;
      const bytes = new Map<string, number>();
      // The length of a value stands in the header of its row: nothing of the value is read.
      const ofArtifacts = `SELECT owner_id, sum(length(sealed)) AS bytes FROM artifact
        WHERE ${dialect.within('owner_id')} AND ${dialect.within('kind')} AND sealed IS NOT NULL GROUP BY owner_id`;
      const ofEvents = `SELECT call_id AS owner_id, sum(length(sealed)) AS bytes FROM metadata_event
        WHERE ${dialect.within('call_id')} GROUP BY call_id`;
      type Sum = { owner_id: string; bytes: number };
      const sums = [
        ...(await session.rows<Sum>(ofArtifacts, [dialect.list(ownerIds), dialect.list(kinds)])),
        ...(kinds.includes('details') ? await session.rows<Sum>(ofEvents, [dialect.list(ownerIds)]) : []),
      ];
      for (const sum of sums) bytes.set(sum.owner_id, (bytes.get(sum.owner_id) ?? 0) + sum.bytes);
      return bytes;
    },
    async page(fromSlot, limit) {
      const sql = 'SELECT * FROM artifact WHERE slot >= ? ORDER BY slot LIMIT ?';
      return (await session.rows<Row<'artifact'>>(sql, [fromSlot, limit])).map(toArtifact);
    },
  };
}

const insertArtifacts = rowInsert({
  table: 'artifact',
  columns: {
    slot: 'integer',
    tenant_id: 'text',
    owner_id: 'text',
    kind: 'text',
    blob: 'text',
    blob_bytes: 'integer',
    sealed: 'bytes',
  },
});

export function artifactWrites(session: Session): StoreTx['artifacts'] {
  return {
    ...artifactReads(session),
    async insert(artifacts) {
      const rows = artifacts.map((a) => [a.slot, a.tenantId, a.ownerId, a.kind, a.blob, a.blobBytes, a.sealed]);
      await insertArtifacts(session, rows);
    },
    /** Throws Bug where no artifact has the slot: what was sealed would be lost. */
    async setSealed(slot, change) {
      const columns = { sealed: change.sealed, blob_bytes: change.blobBytes };
      await changeOne(session, { table: 'artifact', by: 'slot', key: slot }, columns);
    },
    async deleteSlots(slots) {
      await session.change(`DELETE FROM artifact WHERE ${session.dialect.within('slot')}`, [
        session.dialect.list(slots),
      ]);
    },
    async deleteOfOwner(ownerId) {
      const sql = 'DELETE FROM artifact WHERE owner_id = ? RETURNING *';
      const rows = await session.rows<Row<'artifact'>>(sql, [ownerId]);
      return rows.map(toArtifact).toSorted((a, b) => a.slot - b.slot);
    },
  };
}
