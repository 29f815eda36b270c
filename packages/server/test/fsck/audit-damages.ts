import { generateKeyPairSync } from 'node:crypto';
import { chainedRow, firstLink, nextLink } from '../../src/engine/audit/audit-chain.ts';
import { chainAudit } from '../../src/engine/audit/chain-audit.ts';
import { receiptKey } from '../../src/engine/receipts/receipt-key.ts';
import { sealBytes } from '../../src/keys/sealing.ts';
import { type Damage, slotOf } from './damage.ts';
import type { OpenArchive } from './lived-archive.ts';

/** Chains everything there is, and answers the id of the tenant's row with this number. */
async function chained(at: OpenArchive, seq: number): Promise<string> {
  await chainAudit(at.engine);
  return at.value<string>('SELECT id FROM audit WHERE tenant_id = ? AND seq = ?', at.story.tenantId, seq);
}

async function lastOf(at: OpenArchive): Promise<number> {
  await chainAudit(at.engine);
  return at.value<number>('SELECT max(seq) FROM audit WHERE tenant_id = ?', at.story.tenantId);
}

/** Has the tenant's head say that its chain ends with this row. */
function headAt(at: OpenArchive, seq: number): void {
  const { tenantId } = at.story;
  const chain = at.value<Uint8Array>('SELECT chain FROM audit WHERE tenant_id = ? AND seq = ?', tenantId, seq);
  at.sql('UPDATE audit_head SET seq = ?, chain = ? WHERE tenant_id = ?', seq, chain, tenantId);
}

/** Makes the tenant's chain anew as the rows are now, as somebody could who knows how. */
async function chainAnew(at: OpenArchive): Promise<void> {
  const { tenantId } = at.story;
  let link = firstLink(tenantId);
  const rows = await at.engine.store.reads.audit.chain(tenantId, 0, 1000);
  for (const row of rows) {
    link = nextLink(link, chainedRow(row, row.seq));
    at.sql('UPDATE audit SET chain = ? WHERE id = ?', link, row.id);
  }
  headAt(at, rows.length);
}

/** A row that nobody has chained, of so many milliseconds ago. */
function plantRow(at: OpenArchive, agoMs: number): string {
  const id = `planted-${agoMs}`;
  at.sql(
    `INSERT INTO audit (id, at, tenant_id, actor_kind, actor_id, event, subject_id, detail)
      VALUES (?, ?, ?, 'cli', 'operator', 'planted', NULL, '{}')`,
    id,
    Date.now() - agoMs,
    at.story.tenantId,
  );
  return id;
}

/** Seals something in the place of the key that signs receipts, as the server would, so that it opens. */
async function sealReceiptKey(at: OpenArchive, bytes: Buffer): Promise<string> {
  await receiptKey(at.engine);
  const slot = slotOf(at, 'archive', 'receipt-key');
  const key = await at.engine.tree.keyOf(slot);
  const sealed = sealBytes(key, { tenantId: 'archive', ownerId: 'archive', kind: 'receipt-key' }, bytes);
  at.sql('UPDATE artifact SET sealed = ? WHERE slot = ?', sealed, slot);
  return `slot ${slot}`;
}

const changes = {
  'what was done': "event = 'call.read'",
  'who did it': "actor_id = 'somebody else'",
  'when it was done': 'at = at - 1',
  'when it was done, to no time at all': 'at = 9000000000000000',
  'what it was done to': "subject_id = 'another'",
  'its detail': `detail = '{"items":0}'`,
  'its detail, to what is no JSON': "detail = '{'",
  'its chain': "chain = x'00'",
};

const changed = Object.entries(changes).map(([what, change]): [string, Damage] => [
  `a row of which somebody has changed ${what}`,
  {
    plant: async (at) => {
      const last = await lastOf(at);
      const id = await chained(at, last);
      at.sql(`UPDATE audit SET ${change} WHERE id = ?`, id);
      return what === 'its chain' ? undefined : id;
    },
    finds: what === 'its chain' ? ['audit_changed', 'audit_head', 'audit_rewritten'] : ['audit_changed'],
  },
]);

export const audit: Record<string, Damage> = {
  ...Object.fromEntries(changed),
  'a row in the middle that was removed': {
    plant: async (at) => {
      at.sql('DELETE FROM audit WHERE id = ?', await chained(at, 3));
      return `rows 3 to 3 of tenant ${at.story.tenantId}`;
    },
    finds: ['audit_missing'],
  },
  'the first row of the archive, removed': {
    plant: async (at) => {
      await chainAudit(at.engine);
      at.sql('DELETE FROM audit WHERE tenant_id = ? AND seq = 1', at.story.tenantId);
      return 'rows 1 to 1';
    },
    finds: ['audit_missing'],
  },
  'the last two rows, removed': {
    plant: async (at) => {
      const last = await lastOf(at);
      at.sql('DELETE FROM audit WHERE tenant_id = ? AND seq > ?', at.story.tenantId, last - 2);
      return `rows ${last - 1} to ${last}`;
    },
    finds: ['audit_missing'],
  },
  'a row whose number was taken away': {
    plant: async (at) => {
      at.sql('UPDATE audit SET seq = NULL, chain = NULL WHERE id = ?', await chained(at, 2));
      return 'rows 2 to 2';
    },
    finds: ['audit_missing'],
  },
  'a row that was moved to the archive itself': {
    plant: async (at) => {
      const id = await chained(at, 4);
      at.sql('UPDATE audit SET tenant_id = NULL, seq = 1000 WHERE id = ?', id);
    },
    finds: ['audit_head', 'audit_missing'],
  },
  'the last row, removed with the head set back': {
    plant: async (at) => {
      const last = await lastOf(at);
      at.sql('DELETE FROM audit WHERE tenant_id = ? AND seq = ?', at.story.tenantId, last);
      headAt(at, last - 1);
      return `rows ${last} to ${last} of tenant ${at.story.tenantId}`;
    },
    finds: ['audit_missing'],
  },
  'the last two rows, out of the chain with the head set back': {
    plant: async (at) => {
      const last = await lastOf(at);
      at.sql('UPDATE audit SET seq = NULL WHERE tenant_id = ? AND seq > ?', at.story.tenantId, last - 2);
      headAt(at, last - 2);
      return `rows ${last - 1} to ${last} of tenant ${at.story.tenantId}`;
    },
    finds: ['audit_missing'],
  },
  'every row of a tenant, removed with the head': {
    plant: async (at) => {
      const last = await lastOf(at);
      for (const table of ['audit', 'audit_head'])
        at.sql(`DELETE FROM ${table} WHERE tenant_id = ?`, at.story.tenantId);
      return `rows 1 to ${last} of tenant ${at.story.tenantId}`;
    },
    finds: ['audit_missing'],
  },
  'every row of a tenant, removed before any was chained': {
    plant: (at) => {
      at.sql('DELETE FROM audit WHERE tenant_id = ?', at.story.tenantId);
      return `every row of tenant ${at.story.tenantId}`;
    },
    finds: ['audit_missing'],
  },
  'a chain made anew after a row was changed': {
    plant: async (at) => {
      const last = await lastOf(at);
      at.sql("UPDATE audit SET actor_id = 'somebody else' WHERE id = ?", await chained(at, 2));
      await chainAnew(at);
      return `number ${last}`;
    },
    finds: ['audit_rewritten'],
  },
  'a chain made anew, and its end changed in the journal': {
    plant: async (at) => {
      await lastOf(at);
      await at.engine.rootKeys.seal();
      at.sql("UPDATE audit SET actor_id = 'somebody else' WHERE id = ?", await chained(at, 2));
      await chainAnew(at);
      const id = at.value<string>(
        "SELECT id FROM journal WHERE kind = 'audit_head' AND tenant_id = ?",
        at.story.tenantId,
      );
      at.sql("UPDATE journal SET detail = '{}' WHERE id = ?", id);
      return id;
    },
    finds: ['vault_entry_differs'],
  },
  'a number that two rows have': {
    plant: async (at) => {
      const second = await chained(at, 3);
      at.sql('DROP INDEX audit_chained');
      at.sql('UPDATE audit SET seq = 2 WHERE id = ?', second);
    },
    finds: ['audit_missing', 'audit_repeated'],
  },
  'a head that is gone': {
    plant: async (at) => {
      await chainAudit(at.engine);
      at.sql('DELETE FROM audit_head WHERE tenant_id = ?', at.story.tenantId);
      return at.story.tenantId;
    },
    finds: ['audit_head'],
  },
  'a head that stands before the end': {
    plant: async (at) => {
      await chainAudit(at.engine);
      at.sql('UPDATE audit_head SET seq = seq - 1 WHERE tenant_id = ?', at.story.tenantId);
      return at.story.tenantId;
    },
    finds: ['audit_head'],
  },
  'a head with another chain': {
    plant: async (at) => {
      await chainAudit(at.engine);
      at.sql("UPDATE audit_head SET chain = x'00' WHERE tenant_id = ?", at.story.tenantId);
      return at.story.tenantId;
    },
    finds: ['audit_head'],
  },
  'a row that nobody has chained, though much younger ones are': {
    plant: async (at) => {
      await chainAudit(at.engine);
      return plantRow(at, 3_600_000);
    },
    finds: ['audit_unchained'],
  },
};

export const receiptKeys: Record<string, Damage> = {
  'something else in the place of the key that signs receipts': {
    plant: async (at) => await sealReceiptKey(at, Buffer.from('no key')),
    finds: ['receipt_key_malformed'],
    quick: [],
  },
  'a key of another kind in the place of the one that signs receipts': {
    plant: async (at) => {
      const { privateKey } = generateKeyPairSync('x25519');
      return await sealReceiptKey(at, privateKey.export({ format: 'der', type: 'pkcs8' }));
    },
    finds: ['receipt_key_malformed'],
    quick: [],
  },
};
