/** The audit's chains through a copy of the database and a restore. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { operator } from '../../src/engine/access/operator.ts';
import { auditEntry } from '../../src/engine/audit/audit-entry.ts';
import { chainAudit } from '../../src/engine/audit/chain-audit.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { rawDatabase } from '../support/raw-database.ts';
import { Stage, type Work } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** Rows of the tenant, chained, their end in the journal, and sealed. */
async function audited({ engine, caller }: Work, rows: number): Promise<void> {
  const who = { actor: operator, tenantId: caller.tenant.id };
  await engine.store.write(async (tx) => {
    for (let row = 0; row < rows; row += 1) await tx.audit.append(auditEntry(engine, who, 'test.done', null, { row }));
  });
  await chainAudit(engine);
  await engine.sealer.sealed();
  stage.lapse(3_600_000);
}

async function looked(): Promise<{ codes: string[]; setBack: unknown }> {
  return await stage.process(async ({ engine }) => {
    const { problems, counts } = await fsck(engine);
    return { codes: problems.map(({ code }) => code), setBack: counts['auditSetBack'] };
  });
}

describe('a restore of a copy', () => {
  test('sets the chain back: what the vault knew beyond it is no damage, and it goes on from there', async () => {
    await stage.process(async (at) => await audited(at, 3));
    const copy = stage.copy();
    await stage.process(async (at) => await audited(at, 5));
    expect(await looked()).toEqual({ codes: [], setBack: 0 });
    await stage.restoreFrom(copy);
    const after = await looked();
    expect(after.codes).toEqual([]);
    expect(after.setBack).toBeGreaterThan(0);
    await stage.process(async (at) => await audited(at, 20));
    expect((await looked()).codes).toEqual([]);
  });

  test('leaves what the copy has under the eyes of the vault: rows that are removed later are missed', async () => {
    await stage.process(async (at) => await audited(at, 3));
    const copy = stage.copy();
    await stage.process(async (at) => await audited(at, 5));
    await stage.restoreFrom(copy);
    await stage.process(async ({ engine, caller }) => {
      const tenantId = caller.tenant.id;
      expect((await engine.store.reads.audit.chain(tenantId, 0, 1000)).length).toBeGreaterThan(3);
      const database = await rawDatabase(stage.config);
      for (const table of ['audit', 'audit_head']) {
        await database.change(`DELETE FROM ${table} WHERE tenant_id = ?`, [tenantId]);
      }
      await database.close();
    });
    expect((await looked()).codes).toEqual(['audit_missing']);
  });
});
