import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { operator } from '../../src/engine/access/operator.ts';
import { auditEntry } from '../../src/engine/audit/audit-entry.ts';
import { chainAudit } from '../../src/engine/audit/chain-audit.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { audit, receiptKeys } from './audit-damages.ts';
import { eachDamage } from './damage.ts';
import { type Lived, liveALittle, openCopy } from './lived-archive.ts';

describe('fsck finds in the audit', () => eachDamage(audit));
describe('fsck finds', () => eachDamage(receiptKeys));

describe('fsck finds nothing wrong with an audit', () => {
  let lived: Lived;
  beforeAll(async () => {
    lived = await liveALittle();
  });
  afterAll(async () => await lived.forget());

  it('that nobody has chained yet, however old it is', async () => {
    const clock = { now: () => Date.now() + 24 * 3_600_000 };
    const at = await openCopy(lived, { clock });
    expect((await fsck(at.engine)).problems).toEqual([]);
    await at.close();
  });

  it('whose last rows are without a number, because the process that would chain them was down', async () => {
    let lapsedMs = 0;
    const at = await openCopy(lived, { clock: { now: () => Date.now() + lapsedMs } });
    await chainAudit(at.engine);
    const planted = { actor: operator, tenantId: at.story.tenantId };
    await at.engine.store.write(async (tx) => await tx.audit.append(auditEntry(at.engine, planted, 'planted', null)));
    lapsedMs = 24 * 3_600_000;
    expect((await fsck(at.engine)).problems).toEqual([]);
    await at.close();
  });

  it('of which rows were chained while the clock was a day ahead', async () => {
    const at = await openCopy(lived);
    at.sql('UPDATE audit SET at = at + 86400000 WHERE tenant_id IS NULL OR tenant_id = ?', at.story.tenantId);
    await chainAudit(at.engine);
    at.sql(
      `INSERT INTO audit (id, at, tenant_id, actor_kind, actor_id, event, subject_id, detail)
        VALUES ('zz', ?, ?, 'cli', 'operator', 'planted', NULL, '{}')`,
      Date.now() - 3_600_000,
      at.story.tenantId,
    );
    expect((await fsck(at.engine)).problems).toEqual([]);
    await at.close();
  });

  test('and counts its rows', async () => {
    const at = await openCopy(lived);
    await chainAudit(at.engine);
    const rows = at.value<number>('SELECT count(*) FROM audit');
    expect((await fsck(at.engine)).counts['auditRows']).toBe(rows);
    await at.close();
  });
});
