import type { JournalEntry, KeyTx } from '../model/key-store.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { toJournalEntry, toJson } from './rows.ts';
import type { Session } from './session.ts';
import type { JsonText, Row } from './tables.ts';

export function journalReads(session: Session): StoreReads['journal'] {
  const { dialect } = session;
  return {
    async page(afterId, limit, within) {
      const after = session.builder.selectFrom('journal').selectAll().where('id', '>', afterId);
      const entries = within === undefined ? after : after.where('id', '<', within.beforeId);
      const rows = await entries.orderBy('id').limit(limit).execute();
      return rows.map(toCopiedEntry);
    },
    async hasPending(before) {
      const sql = 'SELECT id FROM journal WHERE copied_by IS NULL AND at < ? LIMIT 1';
      return (await session.rows(sql, [before])).length > 0;
    },
    /** By id; ids that are not there are left out. */
    async find(ids) {
      const sql = `SELECT * FROM journal WHERE ${dialect.within('id')} ORDER BY id`;
      return (await session.rows<Row<'journal'>>(sql, [dialect.list(ids)])).map(toCopiedEntry);
    },
  };
}

function toCopiedEntry(row: Row<'journal'>): JournalEntry & { copiedBy: number | null } {
  return { ...toJournalEntry(row), copiedBy: row.copied_by };
}

/** What may be done to entries that are there; they are added by `journalWrites`. */
export function journalChanges(session: Session): StoreTx['journal'] {
  return {
    ...journalReads(session),
    async forgetDetails(entries) {
      const { dialect } = session;
      const sql = `UPDATE journal SET detail = ?
        WHERE ${dialect.within('id')} AND detail IS NOT NULL AND copied_by IS NOT NULL`;
      // Of nearly all of them the same is left, mostly nothing: one statement for those.
      const idsByLeft = new Map<JsonText<unknown> | null, string[]>();
      for (const { id, detail } of entries) {
        const left = toDetail(detail);
        idsByLeft.set(left, [...(idsByLeft.get(left) ?? []), id]);
      }
      let changed = 0;
      for (const [left, ids] of idsByLeft) changed += await session.change(sql, [left, dialect.list(ids)]);
      return changed;
    },
  };
}

function toDetail(detail: JournalEntry['detail']): JsonText<unknown> | null {
  return detail === null || detail === undefined ? null : toJson(detail);
}

type JournalTx = Pick<
  KeyTx,
  'appendJournal' | 'pendingJournal' | 'markCopied' | 'knownJournalIds' | 'recordSeal' | 'knownSeals'
>;

const insertEntries = rowInsert({
  table: 'journal',
  columns: {
    id: 'text',
    kind: 'text',
    tenant_id: 'text',
    owner_id: 'text',
    action: 'text',
    slots: 'text',
    at: 'integer',
    detail: 'text',
  },
});

/**
 * The journal and the seals as the key tree writes them. Rows are only ever added; `copied_by` is set once.
 */
export function journalWrites(session: Session): JournalTx {
  const { dialect } = session;
  /** Numbers of the entries that were read as pending in this transaction: the same entries, found by less. */
  const pending = new Map<string, number>();
  return {
    async appendJournal(entries) {
      const rows = entries.map((entry) => [
        entry.id,
        entry.kind,
        entry.tenantId,
        entry.ownerId,
        entry.action,
        toJson(entry.slots),
        entry.at,
        toDetail(entry.detail),
      ]);
      await insertEntries(session, rows);
    },
    async pendingJournal() {
      const sql = 'SELECT * FROM journal WHERE copied_by IS NULL ORDER BY number';
      const rows = await session.rows<Row<'journal'>>(sql, []);
      for (const row of rows) pending.set(row.id, row.number);
      return rows.map(toJournalEntry);
    },
    async markCopied(ids, generation) {
      const rest = ids.filter((id) => !pending.has(id));
      const byId = `UPDATE journal SET copied_by = ? WHERE ${dialect.within('id')} AND copied_by IS NULL`;
      if (rest.length > 0) await session.change(byId, [generation, dialect.list(rest)]);
      const byNumber = 'UPDATE journal SET copied_by = ? WHERE number BETWEEN ? AND ? AND copied_by IS NULL';
      const numbers = ids.flatMap((id) => pending.get(id) ?? []);
      for (const { from, to } of runsOf(numbers)) await session.change(byNumber, [generation, from, to]);
    },
    async knownJournalIds(ids) {
      const sql = `SELECT id FROM journal WHERE ${dialect.within('id')}`;
      return new Set((await session.rows<{ id: string }>(sql, [dialect.list(ids)])).map((row) => row.id));
    },
    async recordSeal({ generation, keyId, sealedAt }) {
      const sql = 'INSERT INTO seal (generation, key_id, sealed_at) VALUES (?, ?, ?)';
      await session.change(sql, [generation, keyId, sealedAt]);
    },
    knownSeals: (seals) => knownSeals(session, seals),
  };
}

/** Cuts numbers into runs that have no gap. What was appended together, or one after the other, is one run. */
function runsOf(numbers: readonly number[]): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.to === number - 1) last.to = number;
    else runs.push({ from: number, to: number });
  }
  return runs;
}

/** Key ids of those of the seals that were committed here, under just that generation. */
export async function knownSeals(
  session: Session,
  seals: readonly { generation: number; keyId: string }[],
): Promise<Set<string>> {
  const sql = `SELECT generation, key_id FROM seal WHERE ${session.dialect.within('generation')}`;
  const rows = await session.rows<Row<'seal'>>(sql, [session.dialect.list(seals.map((seal) => seal.generation))]);
  const committed = new Map(rows.map((row) => [row.key_id, row.generation]));
  return new Set(seals.filter((seal) => committed.get(seal.keyId) === seal.generation).map((seal) => seal.keyId));
}
