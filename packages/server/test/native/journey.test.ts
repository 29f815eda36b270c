/** A thousand calls of a tenant, from a question about one person to the proof that nothing is left of them. */
import { compactVerify, createLocalJWKSet } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { verifyExport } from '../../src/engine/audit/verify-export.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { readReceiptKeys, verifyReceipt } from '../../src/engine/receipts/verify-receipt.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';
import { newMigratedDatabase } from '../support/postgres-stores.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { until } from '../support/until.ts';

const calls = 1000;
/** Each fourth call is theirs. */
const phone = '+15125550142';
const theirs = calls / 4;

let app: TestApp | undefined;
let ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await app?.close();
  for (const end of ends) await end();
  [app, ends] = [undefined, []];
});

/** Archives them a few at a time; returns their ids, by whether they are the person's. */
async function archiveAll(client: PlanClient): Promise<{ mine: string[]; others: string[] }> {
  const found = { mine: [] as string[], others: [] as string[] };
  const queue = Array.from({ length: calls }, (_, i) => i);
  const work = async () => {
    for (let i = queue.shift(); i !== undefined; i = queue.shift()) {
      const isTheirs = i % 4 === 0;
      const number = isTheirs ? phone : `+1512555${String(2000 + i).padStart(4, '0')}`;
      (isTheirs ? found.mine : found.others).push(await client.archive({ phone: number, sessionId: `s-${i}` }));
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return found;
}

type Told = { event: string; data: { state: string; progress: { verified: number; held: number } } };

/** Listens to a stream of server-sent events as a browser does, until it has ended. */
async function* eventsAt(url: string, token: string): AsyncGenerator<Told> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringContaining('text/event-stream'),
  ]);
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const [event, data] = [field('event'), field('data')];
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) };
    }
  }
}

async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.split('\n').slice(0, -1);
}

/** Another implementation of the signature than ours agrees with ours. */
async function expectSigned(receipt: string, jwks: string): Promise<Record<string, unknown>> {
  const keys = readReceiptKeys(Buffer.from(jwks));
  expect(keys && verifyReceipt(receipt, keys)).toMatchObject({ kid: expect.any(String) });
  const { payload } = await compactVerify(receipt, createLocalJWKSet(JSON.parse(jwks)));
  return JSON.parse(Buffer.from(payload).toString());
}

async function live(env: Record<string, string>): Promise<void> {
  app = await startApp({ env });
  const { engine, tenant } = app;
  const [token, address] = [await app.token(), await app.listen()];
  const [client, second] = [new PlanClient(app, token), new PlanClient(app, await app.token())];
  const { mine, others } = await archiveAll(client);
  expect(mine).toHaveLength(theirs);
  expect((await client.send('PATCH', '/v1/settings', { guard: { calls: 100 } })).status).toBe(200);

  const { body: plan } = await client.plan({ phones: ['(512) 555-0142'], calls: mine.slice(0, 3) });
  expect(plan).toMatchObject({ state: 'planned', blockers: ['approval_required'], counts: { items: theirs, held: 0 } });
  expect(plan.identifiers[0]).toMatchObject({ understoodAs: phone, items: theirs });
  const [heldId = ''] = mine;
  const { body: hold } = await client.post('/v1/holds', { subject: { calls: [heldId] }, reason: 'A case in court' });
  expect((await client.get(`/v1/erasures/${plan.id}`)).body.counts).toMatchObject({ items: theirs, held: 1 });

  const said = { digest: plan.digest };
  const execute = async () => await client.post(`/v1/erasures/${plan.id}/execute`, said);
  expect(await execute()).toMatchObject({ status: 409, body: { code: 'approval_required' } });
  const approve = async (by: PlanClient) => await by.post(`/v1/erasures/${plan.id}/approve`, said);
  expect(await approve(client)).toMatchObject({ status: 409, body: { code: 'approval_own' } });
  expect(await approve(second)).toMatchObject({ status: 200, body: { blockers: [], state: 'planned' } });
  expect(await execute()).toMatchObject({ status: 202, body: { drift: { added: 0, gone: 0, held: 1, changed: 0 } } });

  const told: Told[] = [];
  let released: Promise<unknown> | undefined;
  for await (const one of eventsAt(`${address}/v1/erasures/${plan.id}/events`, token)) {
    told.push(one);
    const { verified, held } = one.data.progress;
    if (verified !== theirs - 1 || held !== 1 || released !== undefined) continue;
    expect((await client.get(`/v1/calls/${heldId}`)).status).toBe(200);
    expect(await client.get(`/v1/erasures/${plan.id}/receipt`)).toMatchObject({ body: { code: 'receipt_not_ready' } });
    released = client.post(`/v1/holds/${hold.id}/release`);
  }
  expect(await released).toMatchObject({ status: 200, body: { reason: null, subject: null } });
  expect(told.at(-1)).toMatchObject({
    event: 'end',
    data: { state: 'completed', progress: { verified: theirs, held: 0 } },
  });
  const verified = told.map(({ data }) => data.progress.verified);
  expect(verified).toEqual(verified.toSorted((a, b) => a - b));

  for (const id of mine) expect(await engine.store.reads.calls.find(tenant.id, id)).toBeUndefined();
  expect(await engine.store.reads.calls.peek(tenant.id, others)).toHaveLength(calls - theirs);
  expect((await client.plan({ phones: [phone] })).body.counts).toMatchObject({ items: 0 });

  const receipt = (await client.get(`/v1/erasures/${plan.id}/receipt`)).text;
  const claims = await expectSigned(receipt, (await client.get('/.well-known/jwks.json')).text);
  expect(JSON.stringify(claims)).toContain(plan.id);
  expect(JSON.stringify(claims)).not.toContain('5550142');

  await untilQuiet(engine);
  await until(async () => (await engine.store.reads.audit.unchained(1)).length === 0);
  const headers = { authorization: `Bearer ${token}` };
  const exported = await (await fetch(`${address}/v1/audit/export`, { headers })).text();
  const report = await verifyExport(linesOf(exported), { tenantId: tenant.id });
  expect(report).toMatchObject({ isValid: true, isStartProven: true, unchained: 0 });
  const events = exported.split('\n').flatMap((line) => (line === '' ? [] : [String(JSON.parse(line).event)]));
  for (const event of ['erasure.planned', 'erasure.approved', 'hold.placed', 'hold.released', 'erasure.completed']) {
    expect(events).toContain(event);
  }
  expect(exported).not.toContain('5550142');
  expect((await fsck(engine, { deep: true })).problems).toEqual([]);
}

const promise = 'a person is found, previewed, erased but for what is held, then wholly, and all of it can be proven';

describe('on SQLite', () => {
  test(promise, { timeout: 120_000 }, async () => await live({}));
});

describeWithPostgres('on PostgreSQL', (server) => {
  test(promise, { timeout: 120_000 }, async () => {
    const database = await newMigratedDatabase(server);
    ends.push(async () => await database.remove());
    await live({ TACET_DATABASE_URL: database.url });
  });
});
