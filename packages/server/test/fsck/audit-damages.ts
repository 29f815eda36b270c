import { generateKeyPairSync } from 'node:crypto';
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
    finds: what === 'its chain' ? ['audit_changed', 'audit_head'] : ['audit_changed'],
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
