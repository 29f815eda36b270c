import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { changeOne } from './changes.ts';
import { toArtifact } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function artifactReads(session: Session): StoreReads['artifacts'] {
  const artifacts = () => session.builder.selectFrom('artifact').selectAll();
  return {
    /** By slot. */
    async ofOwner(ownerId) {
      return (await artifacts().where('owner_id', '=', ownerId).orderBy('slot').execute()).map(toArtifact);
    },
    /** The newest, where an owner has had several of a kind. */
    async find(ownerId, kind) {
      const row = await artifacts()
        .where('owner_id', '=', ownerId)
        .where('kind', '=', kind)
        .orderBy('slot', 'desc')
        .executeTakeFirst();
      return row && toArtifact(row);
    },
    async findMany(ownerIds, kind) {
      const sql = `SELECT * FROM artifact WHERE ${session.dialect.within('owner_id')} AND kind = ?`;
      return (await session.rows<Row<'artifact'>>(sql, [session.dialect.list(ownerIds), kind])).map(toArtifact);
    },
    async page(fromSlot, limit) {
      return (await artifacts().where('slot', '>=', fromSlot).orderBy('slot').limit(limit).execute()).map(toArtifact);
    },
  };
}

const insertArtifacts = rowInsert({
  table: 'artifact',
  columns: ['slot', 'tenant_id', 'owner_id', 'kind', 'blob', 'blob_bytes', 'sealed'],
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
      await changeOne(session.builder.updateTable('artifact').set(columns).where('slot', '=', slot));
    },
    async deleteOfOwner(ownerId) {
      const rows = await session.builder
        .deleteFrom('artifact')
        .where('owner_id', '=', ownerId)
        .returningAll()
        .execute();
      return rows.map(toArtifact).toSorted((a, b) => a.slot - b.slot);
    },
  };
}
