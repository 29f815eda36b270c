import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { auditEntry } from '../../src/engine/audit/audit-entry.ts';
import { chainAudit } from '../../src/engine/audit/chain-audit.ts';
import { ChainWorker } from '../../src/engine/audit/chain-worker.ts';
import { journaledHeads } from '../../src/engine/audit/journaled-heads.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { newId } from '../../src/lib/ids.ts';
import type { ChainedEntry, Tenant } from '../../src/model/tenant.ts';
import { placesIn } from '../support/pair.ts';
import { rawDatabase } from '../support/raw-database.ts';

let folder: string;
let app: App;
let tenant: Tenant;
let config: Config;
let logged: string[];
let removePlaces: () => Promise<void>;

/** An archive whose background does not run: nobody else chains. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
  const { env, remove } = await placesIn(folder);
  removePlaces = remove;
  config = readConfig({ TACET_HOME: join(folder, 'home'), ...env });
  logged = [];
  const say = (event: string, fields?: object) => void logged.push(JSON.stringify({ event, ...fields }));
  app = await openApp(config, { log: { info: say, warn: say, error: say } });
  await app.prepare();
  tenant = await createTenant(app.engine, { slug: 'ours', region: 'US' });
});
afterEach(async () => {
  await app.close();
  await removePlaces();
  await rm(folder, { recursive: true, force: true });
});

const audit = () => app.engine.store.reads.audit;

/** Rows that somebody has written at this time, in one transaction. */
async function write(count: number, { at = Date.now(), tenantId = tenant.id as string | null } = {}) {
  const entry = auditEntry(app.engine, { actor: operator, tenantId }, 'test.done', null, { count, ok: true });
  await app.engine.store.write(async (tx) => {
    for (let row = 0; row < count; row += 1) await tx.audit.append({ ...entry, id: newId(at), at });
  });
}

async function chainOf(tenantId: string | null): Promise<ChainedEntry[]> {
  return await audit().chain(tenantId, 0, 100_000);
}

/** The chain as docs/audit.md has it, with nothing of the product's. */
function recomputed(ownerId: string, rows: readonly ChainedEntry[]): string[] {
  let link = createHash('sha256').update(`tacet audit chain 1 ${ownerId}`).digest();
  return rows.map(({ actor, at, detail, event, id, seq, subjectId }) => {
    const sorted = Object.fromEntries(Object.entries(detail).sort(([a], [b]) => (a < b ? -1 : 1)));
    const row = { actor: { id: actor.id, kind: actor.kind }, at: new Date(at).toISOString(), detail: sorted };
    const text = JSON.stringify({ ...row, event, id, seq, subjectId });
    link = createHash('sha256')
      .update(Buffer.concat([link, Buffer.from(text)]))
      .digest();
    return link.toString('hex');
  });
}

describe('chaining the audit', () => {
  test('numbers every row of a tenant from 1 and links it to the one before, as the documentation says', async () => {
    await write(30);
    const stranger = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    await write(3, { tenantId: null });
    expect(await chainAudit(app.engine)).toBeGreaterThan(33);
    const archiveId = (await app.engine.store.reads.keys.readTop())?.archiveId ?? '';
    for (const tenantId of [tenant.id, stranger.id, null]) {
      const rows = await chainOf(tenantId);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_row, place) => place + 1));
      const chains = rows.map(({ chain }) => Buffer.from(chain ?? []).toString('hex'));
      expect(chains).toEqual(recomputed(tenantId ?? archiveId, rows));
      const head = (await audit().heads()).find((one) => one.tenantId === tenantId);
      expect(head && [head.seq, Buffer.from(head.chain).toString('hex')]).toEqual([rows.length, chains.at(-1)]);
    }
    expect(await audit().unchained(1)).toEqual([]);
    expect(await chainAudit(app.engine)).toBe(0);
    expect((await fsck(app.engine)).problems).toEqual([]);
  });

  test('enters where a chain ends into the journal: at once, then every ten minutes at most, also of rows that came between', async () => {
    let lapsedMs = 0;
    const on = { ...app.engine, clock: { now: () => Date.now() + lapsedMs } };
    const ends = async () => (await journaledHeads(app.engine.store.reads, 0)).heads.get(tenant.id) ?? [];
    await chainAudit(on);
    const [first] = await ends();
    await write(2);
    await chainAudit(on);
    expect(await ends()).toEqual([first]);
    lapsedMs = 10 * 60_000;
    await chainAudit(on);
    await chainAudit(on);
    const rows = await chainOf(tenant.id);
    expect(await ends()).toMatchObject([first, { seq: rows.length, at: expect.any(Number), isRestored: false }]);
    expect((await ends()).at(-1)?.chain).toBe(Buffer.from(rows.at(-1)?.chain ?? []).toString('hex'));
    lapsedMs = 60 * 60_000;
    await chainAudit(on);
    expect(await ends()).toHaveLength(2);
  });

  test('gives a row that was committed late the next number, and leaves the others theirs', async () => {
    await write(3);
    await chainAudit(app.engine);
    const before = await chainOf(tenant.id);
    await write(1, { at: Date.now() - 60_000 });
    await chainAudit(app.engine);
    const after = await chainOf(tenant.id);
    expect(after.slice(0, -1)).toEqual(before);
    expect(after.at(-1)).toMatchObject({ seq: before.length + 1 });
    expect(String(after.at(-1)?.id) < String(before.at(-1)?.id)).toBe(true);
    expect((await fsck(app.engine)).problems).toEqual([]);
  });

  test('is done by several at once without a gap, and without a row that is chained twice', async () => {
    await write(2_000);
    const counts = await Promise.all([1, 2, 3].map(async () => await chainAudit(app.engine)));
    const rows = await chainOf(tenant.id);
    const own = await chainOf(null);
    expect(rows.length + own.length).toBe(counts.reduce((sum, count) => sum + count, 0));
    expect((await fsck(app.engine)).problems).toEqual([]);
  });

  test('chains ten thousand rows within a few seconds', async () => {
    await write(10_000);
    const begun = performance.now();
    expect(await chainAudit(app.engine)).toBeGreaterThanOrEqual(10_000);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect((await fsck(app.engine)).problems).toEqual([]);
  });

  test('has an end in each round: what is left then the next one chains', async () => {
    await write(1_100);
    expect(await chainAudit(app.engine, { perRound: 500 })).toBe(500);
    expect(await chainAudit(app.engine, { perRound: 500 })).toBe(500);
    expect(await chainAudit(app.engine, { perRound: 500 })).toBeGreaterThanOrEqual(100);
    expect(await audit().unchained(1)).toEqual([]);
    expect((await fsck(app.engine)).problems).toEqual([]);
  });

  test('is done once by a worker whose rounds meet, and tried again after a failure, which is logged', async () => {
    await write(5);
    const database = await rawDatabase(config);
    await database.change('ALTER TABLE audit_head RENAME TO audit_head_away');
    const worker = new ChainWorker(app.engine);
    await Promise.all([worker.once(), worker.once()]);
    expect(logged.filter((line) => line.includes('audit_chain'))).toEqual([
      '{"event":"upkeep.failed","what":"audit_chain","code":"internal"}',
    ]);
    await database.change('ALTER TABLE audit_head_away RENAME TO audit_head');
    await database.close();
    await worker.once();
    expect(await audit().unchained(1)).toEqual([]);
    await worker.stop();
  });
});
