import type { ItemSpan } from '../model/erasure.ts';
/**
 * The shredding transaction's statements: each works on a span of items at once, and on nothing of another tenant.
 *
 * `CROSS JOIN` and `IN (SELECT ...)` name the order of the loops: first the span, then an index look-up per call.
 */
import { Bug } from '../model/errors.ts';
import type { StoreTx } from '../model/store.ts';
import { batches, columnsOf, perBatch } from './batches.ts';
import { fromKinds } from './erasure-rows.ts';
import { fromKindCode, toKindCode } from './rows.ts';
import type { Parameter, Session } from './session.ts';
import type { Row } from './tables.ts';

type SpanWrites = Pick<
  StoreTx['erasures'],
  | 'spanArtifacts'
  | 'spanCalls'
  | 'spanTokens'
  | 'deleteSpanEvents'
  | 'deleteSpanArtifacts'
  | 'deleteSpanTokens'
  | 'deleteSpanCalls'
  | 'markSpan'
  | 'shredItems'
  | 'stampSpanTombstones'
>;

/** Takes the three parameters of `spanOf` and a state. */
const inSpan = 'item.erasure_id = ? AND item.seq >= ? AND item.seq < ? AND item.state = ?';
const callsInSpan = `(SELECT item.call_id FROM item WHERE ${inSpan})`;
const candidatesInSpan = `(SELECT item.call_id FROM item CROSS JOIN candidate WHERE ${inSpan} AND candidate.id = item.call_id)`;

/** Takes a table with these five columns. */
const shredGiven = (given: string) => `WITH given (erasure_id, seq, journal_id, outcome, erased_kinds) AS (${given})
  UPDATE item SET state = 'shredded', journal_id = given.journal_id, outcome = given.outcome,
    erased_kinds = given.erased_kinds FROM given
  WHERE item.erasure_id = given.erasure_id AND item.seq = given.seq AND item.state = 'planned'`;

const shredBatch = perBatch((size) =>
  shredGiven(`VALUES ${Array.from({ length: size }, () => '(?, ?, ?, ?, ?)').join(', ')}`),
);
const shredTypes = ['text', 'integer', 'text', 'text', 'integer'] as const;

export function spanWrites(session: Session): SpanWrites {
  const { dialect } = session;
  const tenantOf = tenantLookUp(session);
  return {
    async spanArtifacts(span, kinds) {
      const sql = `SELECT artifact.slot, artifact.owner_id, artifact.kind, artifact.blob FROM item CROSS JOIN artifact
        WHERE ${inSpan} AND artifact.owner_id = item.call_id AND artifact.tenant_id = ?
          AND ${dialect.within('artifact.kind')} ORDER BY artifact.slot`;
      const { id } = await tenantOf(span);
      const rows = await session.rows<ArtifactRow>(sql, [...planned(span), id, dialect.list(kinds)]);
      return rows.map((row) => ({ slot: row.slot, ownerId: row.owner_id, kind: row.kind, blob: row.blob }));
    },
    async spanCalls(span) {
      const sql = `SELECT item.seq, item.call_id, call.status
        FROM item LEFT JOIN call ON call.id = item.call_id AND call.tenant_id = ?
        WHERE ${inSpan} AND (call.id IS NULL OR call.status <> 'complete') ORDER BY item.seq`;
      const { id } = await tenantOf(span);
      const rows = await session.rows<CallRow>(sql, [id, ...planned(span)]);
      return rows.map((row) => ({ seq: row.seq, callId: row.call_id, status: row.status }));
    },
    async spanTokens(span, kinds) {
      const sql = `SELECT token.kind, token.epoch, token.token, token.owner_id FROM item CROSS JOIN token
        WHERE ${inSpan} AND token.owner_id = item.call_id AND token.tenant = ? AND ${dialect.within('token.kind')}`;
      const { id, number } = await tenantOf(span);
      const parameters = [...planned(span), number, dialect.list(kinds.map(toKindCode))];
      const rows = await session.rows<Omit<Row<'token'>, 'tenant'>>(sql, parameters);
      return rows.map((row) => ({
        tenantId: id,
        kind: fromKindCode(row.kind),
        epoch: row.epoch,
        token: row.token,
        ownerId: row.owner_id,
      }));
    },
    async deleteSpanEvents(span) {
      const sql = `DELETE FROM metadata_event WHERE call_id IN ${callsInSpan} AND tenant_id = ?`;
      const { id } = await tenantOf(span);
      await session.change(sql, [...planned(span), id]);
    },
    async deleteSpanArtifacts(span, kinds) {
      const sql = `DELETE FROM artifact WHERE owner_id IN ${callsInSpan} AND tenant_id = ? AND ${dialect.within('kind')}`;
      const { id } = await tenantOf(span);
      await session.change(sql, [...planned(span), id, dialect.list(kinds)]);
    },
    async deleteSpanTokens(span, kinds) {
      const sql = `DELETE FROM token WHERE owner_id IN ${callsInSpan} AND tenant = ?`;
      const { number } = await tenantOf(span);
      const parameters = [...planned(span), number];
      if (kinds === 'all') await session.change(sql, parameters);
      else
        await session.change(`${sql} AND ${dialect.within('kind')}`, [
          ...parameters,
          dialect.list(kinds.map(toKindCode)),
        ]);
    },
    async deleteSpanCalls(span) {
      const chosen = `id IN ${callsInSpan} AND tenant_id = ?`;
      const { id } = await tenantOf(span);
      const parameters = [...planned(span), id];
      await session.change(
        `UPDATE call SET is_upload_doomed = 1 WHERE ${chosen} AND upload_until IS NOT NULL`,
        parameters,
      );
      await session.change(`DELETE FROM call WHERE ${chosen} AND upload_until IS NULL`, parameters);
      // Those of the candidate that are no part of this stay, and name nobody any more.
      await session.change(
        `UPDATE call SET candidate_id = NULL WHERE candidate_id IN ${candidatesInSpan} AND tenant_id = ?`,
        parameters,
      );
      await session.change(`DELETE FROM candidate WHERE ${chosen}`, parameters);
    },
    async markSpan(span, { depersonalizedAt = null, recordingErasedAt = null }) {
      const { id } = await tenantOf(span);
      const chosen = `id IN ${callsInSpan} AND tenant_id = ?`;
      type Marked = { id: string };
      const calls = await session.rows<Marked>(
        `UPDATE call SET depersonalized_at = coalesce(depersonalized_at, ?),
          recording_erased_at = coalesce(recording_erased_at, ?) WHERE ${chosen}
          AND ((CAST(? AS BIGINT) IS NOT NULL AND depersonalized_at IS NULL)
            OR (CAST(? AS BIGINT) IS NOT NULL AND recording_erased_at IS NULL))
          RETURNING id`,
        [depersonalizedAt, recordingErasedAt, ...planned(span), id, depersonalizedAt, recordingErasedAt],
      );
      if (depersonalizedAt === null) return calls.map((call) => call.id);
      const candidates = await session.rows<Marked>(
        `UPDATE candidate SET depersonalized_at = ?, updated_at = ?,
          status = CASE status WHEN 'ADDING' THEN status ELSE 'CANCELLED' END
          WHERE ${chosen} AND depersonalized_at IS NULL RETURNING id`,
        [depersonalizedAt, depersonalizedAt, ...planned(span), id],
      );
      return [...calls, ...candidates].map((one) => one.id);
    },
    /** Throws Bug when one of them is not in state `planned`: its keys would be gone and its row would not say so. */
    async shredItems(erasureId, items) {
      if (items.length === 0) return;
      const rows = items.map(({ seq, journalId, outcome, erasedKinds }) => {
        return [erasureId, seq, journalId, outcome, fromKinds(erasedKinds)];
      });
      let changed = 0;
      if (dialect.unnested !== null) {
        // Each row names the erasure: so the items are found by their key, however few the statistics take them for.
        const sql = shredGiven(`SELECT * FROM ${dialect.unnested(shredTypes)}`);
        changed = await session.change(sql, columnsOf(rows, shredTypes.length));
      } else for (const batch of batches(rows)) changed += await session.change(shredBatch(batch), batch.flat());
      if (changed !== items.length) throw new Bug(`not every item of erasure ${erasureId} is planned`);
    },
    /** A tombstone that has the time already keeps it: the bytes have been gone since then. */
    async stampSpanTombstones(span, goneAt) {
      const sql = `UPDATE tombstone SET gone_at = ? WHERE call_id IN ${callsInSpan} AND tenant_id = ? AND gone_at IS NULL`;
      const { id } = await tenantOf(span);
      await session.change(sql, [goneAt, ...spanOf(span), 'removed', id]);
    },
  };
}

type ArtifactRow = Pick<Row<'artifact'>, 'slot' | 'owner_id' | 'kind' | 'blob'>;
type CallRow = Pick<Row<'item'>, 'seq' | 'call_id'> & { status: Row<'call'>['status'] | null };

function spanOf(span: ItemSpan): Parameter[] {
  return [span.erasureId, span.fromSeq, span.toSeq];
}

function planned(span: ItemSpan): Parameter[] {
  return [...spanOf(span), 'planned'];
}

type TenantOf = (span: ItemSpan) => Promise<{ id: string; number: number }>;

/**
 * Whose calls a span's erasure may touch, which never changes: looked up once in a transaction. Throws Bug where there is no
 * such erasure.
 */
function tenantLookUp(session: Session): TenantOf {
  const known = new Map<string, { id: string; number: number }>();
  return async ({ erasureId }) => {
    const sql = `SELECT tenant.id, tenant.number FROM erasure CROSS JOIN tenant
      WHERE erasure.id = ? AND tenant.id = erasure.tenant_id`;
    const tenant = known.get(erasureId) ?? (await session.rows<{ id: string; number: number }>(sql, [erasureId]))[0];
    if (!tenant) throw new Bug(`there is no erasure ${erasureId}, or it has no tenant`);
    known.set(erasureId, tenant);
    return tenant;
  };
}
