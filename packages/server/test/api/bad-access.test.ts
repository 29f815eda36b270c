import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createClient, disableClient } from '../../src/engine/access/clients.ts';
import { issueToken } from '../../src/engine/access/issue-token.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { signingKeys } from '../../src/engine/access/signing-key.ts';
import { linkSigner } from '../../src/lib/share-token.ts';
import { scopes } from '../../src/model/tenant.ts';
import { endScene, expectUntouched, refused, type Scene, startScene } from '../support/bad-input-scene.ts';
import { wrongWord } from '../support/bad-values.ts';
import { ask, goodRequest } from '../support/creovai-asking.ts';
import { creovaiRoutes } from '../support/creovai-routes.ts';
import { forge } from '../support/forged-tokens.ts';
import { expectDead, visit } from '../support/guest.ts';
import { startApp } from '../support/harness.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';

let scene: Scene;
let token: string;

beforeAll(async () => {
  scene = await startScene();
  ({ token } = scene);
});
afterEach(async () => await expectUntouched(scene));
afterAll(async () => await endScene(scene));

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** True where an address means something else by another method: `GET status/exclude` asks for the session `exclude`. */
function isServed(asked: string, address: string): boolean {
  return creovaiRoutes.some(({ method, pattern }) => {
    const form = pattern.replace(/[.]/g, '\\.').replace(/:id/, '[^/]+').replace(/\*$/, '.*');
    return method === asked && new RegExp(`^${form}$`).test(address);
  });
}

/** Every good request there is, of the call in the archive, with this in place of a token. */
async function expectUnauthorised(given: string | undefined): Promise<void> {
  for (const route of creovaiRoutes) {
    refused(await ask(scene.app, route, given, goodRequest(route, scene.named)), 401, /^The token is missing/);
  }
}

describe('no route opens to a token', () => {
  test('that is missing', async () => await expectUnauthorised(undefined));

  test('that has expired', async () => {
    scene.aheadMs = 1_799_000;
    await expectUnauthorised(token);
  });

  test('that is forged', async () => {
    const [header = '', claims = '', signature = ''] = token.split('.');
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
    const kind = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
    const fakes = [
      forge(kind, said, 'guess'),
      forge({ ...kind, alg: 'none' }, said),
      `${header}.${claims}.`,
      `${header}.${claims}`,
      `${header}.${Buffer.from(JSON.stringify({ ...said, scope: 'admin' })).toString('base64url')}.${signature}`,
      'null',
      wrongWord,
      `${'a'.repeat(9000)}`,
    ];
    for (const fake of fakes) await expectUnauthorised(fake);
  });

  test('that another archive has made', async () => {
    const other = await startApp({ workers: 0 });
    try {
      await expectUnauthorised(await other.token());
    } finally {
      await other.close();
    }
  });

  test('of a client that was disabled since', async () => {
    const { engine, tenant } = scene.app;
    const made = await createClient(engine, tenant, { scopes: [...scopes], actor: operator });
    const asked = { clientId: made.clientId, secret: made.clientSecret, address: '127.0.0.1' };
    const { token: given } = await issueToken(engine, asked);
    await disableClient(engine, tenant, made.clientId, operator);
    await expectUnauthorised(given);
  });

  test('that opens a share link, and no link opens to one of ours', async () => {
    const { engine, tenant, client } = scene.app;
    const sign = linkSigner({ keys: await signingKeys(engine), clock: engine.clock }, 'share');
    const maker = { subjectKind: 'client', clientId: client.clientId } as const;
    const link = sign({ ...maker, callId: scene.callId, tenantId: tenant.id, lifeMs: 60_000 });
    expectDead(await visit(`${scene.origin}/share/${token}`));
    expect((await visit(`${scene.origin}/share/${link.token}`)).status).toBe(200);
    await expectUnauthorised(link.token);
  });
});

describe.each(creovaiRoutes)('$method $pattern', (route) => {
  test('is closed to whoever has every scope but the right one', async () => {
    const others = await scene.app.token(scopes.filter((scope) => !route.scopes.includes(scope)));
    const answer = await ask(scene.app, route, others, goodRequest(route, scene.named));
    refused(answer, 403, new RegExp(`^This needs the scope ${route.scopes.join(' or ')}$`));
  });

  test('is not there for any other method', async () => {
    const { address } = goodRequest(route, scene.named);
    const others = methods.filter((method) => !isServed(method, address));
    expect(others.length).toBeGreaterThan(3);
    for (const method of others) {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      refused(await scene.app.http.inject({ method, url: address, headers, payload: '{}' }), 404, /^Not found$/);
    }
  });
});

test('methods that are no part of any API here are not there either', async () => {
  for (const method of ['TRACE', 'PROPFIND', 'LOCK']) {
    for (const path of ['/purge/v1/calls', '/interactions/v2/purge', '/capture/v2/status/x']) {
      const request = rawRequest(`${method} ${path}`, [`Authorization: Bearer ${token}`], '{}');
      const answer = await sendRaw(scene.origin, request);
      expect([answer.status, answer.body.toString()]).toEqual([404, '{"message":"Not found"}']);
    }
  }
});

describe('a purge', () => {
  const purges = creovaiRoutes.filter(({ pattern }) => pattern.includes('/purge'));
  const whatIf = (address: string) => `${address}?whatIf=true`;

  test.each(purges)('at $pattern is refused to whoever may only preview one', async (route) => {
    const previewer = await scene.app.token(['erasures:preview']);
    const good = goodRequest(route, scene.named);
    refused(await ask(scene.app, route, previewer, good), 403, /erasures:execute/);
    const preview = await ask(scene.app, route, previewer, { ...good, address: whatIf(good.address) });
    expect(preview.statusCode).toBe(200);
    expect(preview.body).toContain('"status":"WhatIf"');
  });

  test.each(purges)('at $pattern is not even previewed without a scope for that', async (route) => {
    const other = await scene.app.token(['calls:read', 'calls:write', 'holds:write', 'audit:read', 'admin']);
    const good = goodRequest(route, scene.named);
    const preview = { ...good, address: whatIf(good.address) };
    refused(await ask(scene.app, route, other, preview), 403, /erasures:preview or erasures:execute/);
  });
});
