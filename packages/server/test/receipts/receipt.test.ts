import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { ReceiptClaims } from '../../src/engine/receipts/receipt-claims.ts';
import { receiptKey } from '../../src/engine/receipts/receipt-key.ts';
import { readReceiptKeys, verifyReceipt } from '../../src/engine/receipts/verify-receipt.ts';
import { fromRanges } from '../../src/keys/journal-entries.ts';
import { scopes } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let client: PlanClient;

beforeEach(async () => {
  app = await startApp();
  client = new PlanClient(app, await app.token());
});
afterEach(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});

const phone = '+15125550199';

async function jwks() {
  const answer = await app.http.inject({ method: 'GET', url: '/.well-known/jwks.json' });
  return { answer, keys: answer.json<JSONWebKeySet>() };
}

async function receiptOf(erasureId: string) {
  return await client.get(`/v1/erasures/${erasureId}/receipt`);
}

/** Erases these calls by a plan, and answers the id of the erasure. */
async function erased(calls: readonly string[], action = 'purge'): Promise<string> {
  const { body: plan } = await client.plan({ calls }, { action });
  expect((await client.execute(plan)).body).toMatchObject({ state: 'completed' });
  return plan.id;
}

function claimsIn(receipt: string): ReceiptClaims {
  return JSON.parse(Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString());
}

describe('the receipt of an erasure', () => {
  test('says what was done, and another implementation finds it signed by a key of the key set', async () => {
    const calls = [await client.archive({ phone }), await client.archive({ phone }), await client.archive({})];
    const id = await erased(calls);
    const answer = await receiptOf(id);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/jose');
    const { keys } = await jwks();
    const { payload, protectedHeader } = await compactVerify(answer.text, createLocalJWKSet(keys), {
      algorithms: ['EdDSA'],
    });
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'tacet-receipt+jwt', kid: keys.keys[0]?.kid });
    const claims: ReceiptClaims = JSON.parse(new TextDecoder().decode(payload));
    const { reads } = app.engine.store;
    const [erasure, top] = [await reads.erasures.find(id), await reads.keys.readTop()];
    const at = (ms: number | null | undefined) => new Date(ms ?? Number.NaN).toISOString();
    expect(claims).toMatchObject({
      iss: top?.archiveId,
      sub: id,
      tenant: app.tenant.id,
      action: 'purge',
      keepRecording: false,
      state: 'completed',
      counts: { items: 3, erased: 3, already_erased: 0, not_found: 0 },
      createdAt: at(erasure?.createdAt),
      unreadableAt: at(erasure?.unreadableAt),
      shreddedAt: at(erasure?.shreddedAt),
      sealedAt: at(erasure?.sealedAt),
      goneAt: at(erasure?.goneAt),
      issuedAt: at(erasure?.goneAt),
      backupsUntil: at((erasure?.sealedAt ?? 0) + app.engine.limits.horizonMs),
    });
    const items = await reads.erasures.items(id, { fromSeq: 0, limit: 10 });
    const told: { callId: string | null; candidateId: string | null; outcome: string }[] = (
      await client.get(`/v1/erasures/${id}/items`)
    ).body.items;
    const text = told.map(({ callId, candidateId, outcome }) => `${callId ?? candidateId} ${outcome}\n`).join('');
    expect(claims.itemsSha256).toBe(createHash('sha256').update(text).digest('hex'));
    const entries = await reads.journal.find(items.flatMap(({ journalId }) => journalId ?? []));
    const slots = entries.flatMap((entry) => fromRanges(entry.slots)).sort((a, b) => a - b);
    expect(fromRanges(claims.slots.ranges ?? [])).toEqual(slots);
    expect(claims.slots.count).toBe(slots.length);
    const generation = Math.max(...entries.map(({ copiedBy }) => copiedBy ?? 0));
    const seals = await reads.keys.seals(0, 1000);
    expect(claims.rootKey).toEqual({ generation, keyId: seals.find((one) => one.generation === generation)?.keyId });
  });

  test('is the same, to the last byte, however often it is asked for and whatever came since', async () => {
    const id = await erased([await client.archive({ phone })]);
    const first = await receiptOf(id);
    await erased([await client.archive({ phone })]);
    app.engine.secrets.drop();
    expect((await receiptOf(id)).text).toBe(first.text);
  });

  test('has no call, no number, no name and no token in it', async () => {
    const personal = { phone, email: 'ann@example.org', sessionId: 'session-4711', externalId: 'external-0815' };
    const calls = [await client.archive(personal), await client.archive({ phone })];
    const tokens: string[] = [];
    for (const call of calls) {
      for (const { token } of await app.engine.store.reads.tokens.ofOwner(call)) {
        for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const)
          tokens.push(Buffer.from(token).toString(form));
      }
    }
    expect(tokens.length).toBeGreaterThan(8);
    const { text } = await receiptOf(await erased(calls));
    const said = text.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
    for (const secret of [...calls, ...Object.values(personal), '5125550199', ...tokens]) {
      for (const part of [text, ...said]) expect(part).not.toContain(secret);
    }
  });

  test('counts what was erased before, and has no root key where nothing was left to destroy', async () => {
    const call = await client.archive({ phone });
    await erased([call]);
    const { text } = await receiptOf(await erased([call]));
    expect(claimsIn(text)).toMatchObject({
      counts: { items: 1, erased: 0, already_erased: 1, not_found: 0 },
      slots: { count: 0, rangeCount: 0, ranges: [] },
      rootKey: null,
    });
    const keys = readReceiptKeys(Buffer.from(JSON.stringify((await jwks()).keys)));
    expect(verifyReceipt(text, keys ?? new Map())).toHaveProperty('claims');
  });

  test('tells of each action how many artifacts it took', async () => {
    const calls = [await client.archive({ phone }), await client.archive({ phone })];
    const partly = claimsIn((await receiptOf(await erased(calls, 'depersonalize'))).text);
    expect(partly.artifacts).toEqual({ recording: 0, transcript: 0, details: 2, correlation: 0 });
    const wholly = claimsIn((await receiptOf(await erased(calls))).text);
    expect(wholly.artifacts).toEqual({ recording: 0, transcript: 0, details: 0, correlation: 2 });
  });

  test('is there once the last item is verified, and not before', async () => {
    const [free, held] = [await client.archive({ phone }), await client.archive({ phone })];
    const { body: plan } = await client.plan({ calls: [free, held] });
    expect((await receiptOf(plan.id)).body).toMatchObject({ status: 409, code: 'receipt_not_ready' });
    const asked = { callIds: [held], identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case' };
    const hold = await placeHold(app.engine, app.caller(), asked);
    await client.execute(plan, { wait: 0 });
    const { calls, erasures } = app.engine.store.reads;
    await until(async () => (await calls.find(app.tenant.id, free)) === undefined);
    await until(async () => (await erasures.tally(plan.id)).verified === 1);
    expect((await receiptOf(plan.id)).body).toMatchObject({ status: 409, code: 'receipt_not_ready' });
    await releaseHold(app.engine, app.caller(), hold.id);
    await until(async () => (await erasures.find(plan.id))?.state === 'completed');
    expect(claimsIn((await receiptOf(plan.id)).text).counts).toMatchObject({ items: 2, erased: 2 });
  });

  test('is never there of a plan that was called off', async () => {
    const { body: plan } = await client.plan({ calls: [await client.archive({ phone })] });
    await client.post(`/v1/erasures/${plan.id}/cancel`);
    const { status, body } = await receiptOf(plan.id);
    expect([status, body.code, body.detail]).toEqual([
      409,
      'receipt_not_ready',
      'The plan was called off: there is no receipt of it',
    ]);
  });

  test('of another tenant is one of nothing known, and needs a scope of erasures', async () => {
    const id = await erased([await client.archive({ phone })]);
    const stranger = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    const strange = new PlanClient(app, await app.token(scopes, stranger));
    const unknown = await client.get('/v1/erasures/0190c6f0-0000-7000-8000-000000000000/receipt');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'erasure_not_found']);
    expect((await strange.get(`/v1/erasures/${id}/receipt`)).body).toEqual(unknown.body);
    for (const scope of scopes) {
      const narrow = new PlanClient(app, await app.token([scope]));
      const isMay = scope === 'erasures:preview' || scope === 'erasures:execute';
      expect((await narrow.get(`/v1/erasures/${id}/receipt`)).status, scope).toBe(isMay ? 200 : 403);
    }
  });
});

describe('the key set', () => {
  test('is public, may be cached, and names its one key by its thumbprint', async () => {
    const { answer, keys } = await jwks();
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/jwk-set+json');
    expect(answer.headers['cache-control']).toBe('public, max-age=3600');
    const [jwk] = keys.keys;
    expect(keys.keys).toEqual([
      { kty: 'OKP', crv: 'Ed25519', x: expect.any(String), kid: jwk?.kid, use: 'sig', alg: 'EdDSA' },
    ]);
    expect(jwk?.kid).toBe(await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x: jwk?.x ?? '' }));
    expect((await jwks()).keys).toEqual(keys);
    const head = await app.http.inject({ method: 'HEAD', url: '/.well-known/jwks.json' });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });

  test('is made once, whoever asks for it first', async () => {
    const pairs = await Promise.all(Array.from({ length: 8 }, async () => await receiptKey(app.engine)));
    expect(new Set(pairs.map(({ publicKey }) => String(publicKey.export({ format: 'jwk' }).x))).size).toBe(1);
  });

  test('answers what is not there, and other methods, as problems', async () => {
    const lost = await app.http.inject({ method: 'GET', url: '/.well-known/openid-configuration' });
    expect([lost.statusCode, lost.headers['content-type'], lost.json().code]).toEqual([
      404,
      'application/problem+json',
      'not_found',
    ]);
    const posted = await app.http.inject({ method: 'POST', url: '/.well-known/jwks.json' });
    expect([posted.statusCode, posted.headers['allow'], posted.json().code]).toEqual([
      405,
      'GET, HEAD',
      'method_not_allowed',
    ]);
  });
});
