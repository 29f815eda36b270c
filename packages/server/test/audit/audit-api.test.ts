import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { auditEntry } from '../../src/engine/audit/audit-entry.ts';
import { chainAudit } from '../../src/engine/audit/chain-audit.ts';
import { exportAudit } from '../../src/engine/audit/export-audit.ts';
import { verifyExport } from '../../src/engine/audit/verify-export.ts';
import { newId } from '../../src/lib/ids.ts';
import type { Actor } from '../../src/model/erasure.ts';
import { scopes } from '../../src/model/tenant.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { OperationClient } from '../support/operation-client.ts';
import { rawDatabase } from '../support/raw-database.ts';

let app: TestApp;
let client: OperationClient;
let token: string;

beforeEach(async () => {
  app = await startApp({ workers: 0 });
  token = await app.token();
  client = new OperationClient(app, token);
});
afterEach(async () => await app.close());

type Row = {
  id: string;
  at: string;
  event: string;
  seq: number | null;
  chain: string | null;
  subjectId: string | null;
};

const day = Date.parse('2026-01-01T00:00:00Z');

/** Rows a minute apart, from the first of January on. */
async function write(count: number, what: { event?: string; actor?: Actor; subjectId?: string; from?: number } = {}) {
  const { event = 'test.done', actor = { kind: 'client', id: 'c-1' }, subjectId = null, from = day } = what;
  await app.engine.store.write(async (tx) => {
    for (let row = 0; row < count; row += 1) {
      const at = from + row * 60_000;
      const entry = auditEntry(app.engine, { actor, tenantId: app.tenant.id }, event, subjectId, { row });
      await tx.audit.append({ ...entry, id: newId(at), at });
    }
  });
}

/** Nobody chains anything meanwhile. */
async function withoutChaining(work: () => Promise<void>): Promise<void> {
  const database = await rawDatabase(app.config);
  await database.change('ALTER TABLE audit_head RENAME TO audit_head_away');
  await work();
  await database.change('ALTER TABLE audit_head_away RENAME TO audit_head');
  await database.close();
}

async function list(query: Record<string, string>): Promise<{ rows: Row[]; next: string | null }> {
  const { status, body } = await client.ask('listAudit', '', { query });
  expect(status, JSON.stringify(body)).toBe(200);
  return body as { rows: Row[]; next: string | null };
}

async function exported(query: Record<string, string> = {}, url = '/v1/audit/export', accept?: string) {
  const headers = { authorization: `Bearer ${token}`, ...(accept !== undefined && { accept }) };
  const answer = await app.http.inject({ method: 'GET', url, query, headers });
  expect(answer.statusCode, answer.body).toBe(200);
  return { headers: answer.headers, lines: answer.body.split('\n').slice(0, -1), text: answer.body };
}

async function* each(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

describe('the audit as a list', () => {
  test('is the rows of the tenant, newest first, page by page, each once', async () => {
    await write(25);
    const seen: Row[] = [];
    let cursor: string | null = null;
    do {
      const page = await list({ limit: '7', ...(cursor !== null && { cursor }) });
      expect(page.rows.length).toBeLessThanOrEqual(7);
      seen.push(...page.rows);
      cursor = page.next;
    } while (cursor !== null);
    const all = (await list({ limit: '1000' })).rows;
    expect(seen).toEqual(all);
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .toSorted()
        .reverse(),
    );
    expect(all.length).toBeGreaterThan(25);
  });

  test('has the number and the chain of a row once it is chained', async () => {
    await withoutChaining(async () => {
      await write(1);
      expect((await list({ event: 'test.done' })).rows).toMatchObject([{ seq: null, chain: null }]);
    });
    await chainAudit(app.engine);
    const [row] = (await list({ event: 'test.done' })).rows;
    expect(row).toMatchObject({ seq: expect.any(Number), chain: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test('is narrowed by event, actor, subject and time, all of which must hold', async () => {
    await write(3);
    await write(2, { event: 'other.done' });
    await write(2, { actor: { kind: 'user', id: 'u-1' } });
    await write(2, { subjectId: 's-1', from: day + 3_600_000 });
    const counts: [Record<string, string>, number][] = [
      [{ event: 'other.done' }, 2],
      [{ actor: 'u-1' }, 2],
      [{ subject: 's-1' }, 2],
      [{ actor: 'c-1', event: 'test.done' }, 5],
      [{ actor: 'u-1', event: 'other.done' }, 0],
      [{ from: '2026-01-01T00:01:00Z', to: '2026-01-01T00:02:00Z' }, 3],
      [{ from: '2026-01-01T01:00:00+01:00', to: '2026-01-01T00:00:00.001Z' }, 3],
    ];
    for (const [query, count] of counts) expect((await list(query)).rows.length, JSON.stringify(query)).toBe(count);
  });

  test.each<[string, Record<string, string>]>([
    ['a time that is none', { from: 'yesterday' }],
    ['a time without an offset', { to: '2026-01-01T00:00:00' }],
    ['a cursor that is of no page', { cursor: 'x' }],
    ['a limit that is too large', { limit: '1001' }],
    ['an empty event', { event: '' }],
    ['a filter that nobody knows', { subjectId: 'x' }],
  ])('refuses %s', async (_what, query) => {
    expect(await client.outcome('listAudit', '', { query })).toBe('400 input_invalid');
  });

  test('and its export need the scope of the audit, and never have a row of another tenant', async () => {
    await write(1);
    for (const scope of scopes) {
      const narrow = await OperationClient.within(app, [scope]);
      const isMay = scope === 'audit:read';
      expect(await narrow.outcome('listAudit'), scope).toBe(isMay ? '200' : '403 scope_missing');
      if (!isMay) expect(await narrow.outcome('exportAudit'), scope).toBe('403 scope_missing');
    }
    const nobody = new OperationClient(app, 'no token');
    expect(await nobody.outcome('exportAudit')).toBe('401 token_invalid');
    const stranger = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    const theirs = new OperationClient(app, await app.token(scopes, stranger));
    const { body } = await theirs.ask('listAudit', '', { query: { limit: '1000' } });
    const ids = new Set((await list({ limit: '1000' })).rows.map(({ id }) => id));
    expect((body['rows'] as Row[]).filter(({ id }) => ids.has(id))).toEqual([]);
  });
});

describe('the export', () => {
  test('is the whole chain in its order and then what has no number yet, and can be checked by itself', async () => {
    await write(1_200);
    await chainAudit(app.engine);
    await withoutChaining(async () => {
      await write(3, { from: Date.now() });
      const { headers, lines } = await exported();
      expect(headers['content-type']).toBe('application/x-ndjson');
      expect(headers['content-disposition']).toBe(`attachment; filename="audit-${app.tenant.id}.ndjson"`);
      const rows = lines.map((line) => JSON.parse(line) as Row);
      const chained = rows.slice(0, -3).map(({ seq }) => seq);
      expect(chained).toEqual(chained.map((_seq, place) => place + 1));
      expect(rows.slice(-3).map(({ seq }) => seq)).toEqual([null, null, null]);
      const report = await verifyExport(each(lines), { tenantId: app.tenant.id });
      expect(report).toMatchObject({ isValid: true, isStartProven: true, chained: chained.length, unchained: 3 });
      const { audit } = app.engine.store.reads;
      const { rows: all } = await audit.search(app.tenant.id, { afterId: '', limit: 10_000 });
      expect(rows.map(({ id }) => id).toSorted()).toEqual(all.map(({ id }) => id));
    });
  });

  test('of a time is a part of it, which can be checked but for its first row', async () => {
    await write(20);
    await chainAudit(app.engine);
    const { lines } = await exported({ from: '2026-01-01T00:05:00Z', to: '2026-01-01T00:15:00Z' });
    expect(lines).toHaveLength(10);
    const report = await verifyExport(each(lines), undefined);
    const [first, last] = [lines[0], lines.at(-1)].map((line) => (JSON.parse(line ?? '') as Row).seq);
    expect(report).toMatchObject({ isValid: true, isStartProven: false, first, last: { seq: last } });
    expect(Number(last) - Number(first)).toBe(9);
  });

  test('is what the list gives to whoever accepts it', async () => {
    await write(5);
    const accepted = 'application/json;q=0.1, Application/X-NDJSON; q=1';
    const { text, headers } = await exported({ event: 'test.done' }, '/v1/audit', accepted);
    expect(headers['content-type']).toBe('application/x-ndjson');
    expect(text).toBe((await exported({ event: 'test.done' })).text);
    expect(text.split('\n')).toHaveLength(6);
  });

  test.each([{ limit: '1' }, { cursor: newId(day) }, { limit: '1', cursor: newId(day) }])(
    'has no pages, so the list refuses %o of whoever accepts it',
    async (query) => {
      const url = `/v1/audit?${new URLSearchParams(query as Record<string, string>).toString()}`;
      const headers = { authorization: `Bearer ${token}`, accept: 'application/x-ndjson' };
      const answer = await app.http.inject({ method: 'GET', url, headers });
      expect([answer.statusCode, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
      expect(answer.json()).toMatchObject({ code: 'input_invalid', detail: expect.stringMatching(/^(limit|cursor) /) });
      expect((await app.http.inject({ method: 'GET', url, headers: { ...headers, accept: '*/*' } })).statusCode).toBe(
        200,
      );
    },
  );

  test('of nothing has no line', async () => {
    expect((await exported({ event: 'never.done' })).lines).toEqual([]);
  });

  test('misses no row that is chained while it runs, and has none twice', async () => {
    await write(1_500);
    await chainAudit(app.engine);
    await write(700, { from: Date.now() - 60_000 * 700 });
    const pages = exportAudit(app.engine, app.caller(), {});
    let text = (await pages.next()).value as string;
    await chainAudit(app.engine);
    for await (const page of pages) text += page;
    const ids = text
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as Row).id);
    const { audit } = app.engine.store.reads;
    const { rows: all } = await audit.search(app.tenant.id, { afterId: '', limit: 10_000 });
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(all.map(({ id }) => id));
  });

  test('reads no further than its client takes, and no longer than it stays', async () => {
    await write(30_000);
    await chainAudit(app.engine);
    let pages = 0;
    const { audit } = app.engine.store.reads;
    const chain = audit.chain.bind(audit);
    audit.chain = async (...asked) => {
      pages += 1;
      return await chain(...asked);
    };
    const url = new URL('/v1/audit/export', await app.listen());
    const request = get(url, { headers: { authorization: `Bearer ${token}` } });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.pause();
    const cut = app.nextLog((line) => line.event === 'http' && line['isCut'] === true);
    answer.destroy();
    await cut;
    // Some pages fill the buffers on the way; of the sixty that there are most are never read.
    expect(pages).toBeLessThan(61);
    audit.chain = chain;
  });
});
