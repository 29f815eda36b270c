/** The API's document of itself: valid, what the server does, and readable by anybody. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docsPage, docsPolicy } from '../../src/http/native/docs-page.ts';
import { docsStyle } from '../../src/http/native/docs-style.ts';
import { openapiOf, operationsIn } from '../../src/http/native/openapi.ts';
import { operations } from '../../src/http/native/operations.ts';
import { cspSourceOf } from '../../src/lib/csp-source.ts';
import { errorCodes } from '../../src/model/errors.ts';
import { startApp, type TestApp } from '../support/harness.ts';

const document = openapiOf(operations);
const listed = operationsIn(document);
const served: string[] = [];
let app: TestApp;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  app.http.addHook('onRoute', ({ method, url }) => {
    served.push(...[method].flat().map((one) => `${one} ${url}`));
  });
  await app.http.ready();
});
afterAll(async () => await app.close());

describe('the document', () => {
  test('is valid OpenAPI 3.1, its schemas included', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  test('lists every route under /v1 and no other', () => {
    const told = listed.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
    const native = served.filter((route) => / \/v1\b/.test(route) && !/^HEAD /.test(route));
    expect(told.sort()).toEqual(native.sort());
  });

  test('names every operation once', () => {
    const ids = listed.map(({ operation }) => operation.operationId);
    expect(ids.filter((id, place) => ids.indexOf(id) !== place)).toEqual([]);
    expect(ids.filter((id) => !/^[a-z][a-zA-Z]+$/.test(id))).toEqual([]);
  });

  test('points at nothing that is not there, and has nothing that nobody points at', () => {
    const text = JSON.stringify(document);
    const pointed = new Set(
      [...text.matchAll(/"\$ref":"#\/components\/(\w+)\/([\w-]+)"/g)].map(([, a, b]) => `${a}/${b}`),
    );
    const { securitySchemes: _doors, ...parts } = document.components;
    const there = Object.entries(parts).flatMap(([part, all]) => Object.keys(all).map((name) => `${part}/${name}`));
    expect([...pointed].sort()).toEqual(there.sort());
  });

  test('knows a status for every refusal, and every code is one of the table', () => {
    const codes = [...JSON.stringify(document).matchAll(/"code":\{"enum":(\[[^\]]*\])/g)].flatMap(
      ([, list = '[]']) => JSON.parse(list) as string[],
    );
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !errorCodes.some((one) => one === code))).toEqual([]);
    for (const { path, method, operation } of listed) {
      const statuses = Object.keys(operation.responses);
      const isOpen = operation.security.length === 0;
      for (const status of isOpen ? ['400'] : ['400', '401', '403', '429', '500', '503']) {
        expect(statuses, `${method} ${path}`).toContain(status);
      }
    }
  });

  test('has every answer closed: a field that is not told is not sent', () => {
    const open: string[] = [];
    const walk = (value: unknown, at: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('properties' in value && 'type' in value && !('additionalProperties' in value)) open.push(at);
      for (const [name, inner] of Object.entries(value)) walk(inner, `${at}/${name}`);
    };
    walk(document.components.schemas, 'schemas');
    for (const { operation } of listed) walk(operation.responses, operation.operationId);
    // The document does not describe itself.
    expect(open.filter((at) => !at.startsWith('readOpenapi/200'))).toEqual([]);
  });
});

describe.each(['/v1/openapi.json', '/v1/docs'])('%s', (url) => {
  test('is there for everybody, for a while, and again only if it has changed', async () => {
    const first = await app.http.inject({ method: 'GET', url });
    expect(first.statusCode).toBe(200);
    expect(first.headers['cache-control']).toBe('public, max-age=300');
    const headers = { 'if-none-match': String(first.headers['etag']) };
    const again = await app.http.inject({ method: 'GET', url, headers });
    expect([again.statusCode, again.body, again.headers['etag']]).toEqual([304, '', first.headers['etag']]);
    const head = await app.http.inject({ method: 'HEAD', url });
    expect([head.statusCode, head.body, head.headers['etag']]).toEqual([200, '', first.headers['etag']]);
    const query = await app.http.inject({ method: 'GET', url: `${url}?page=MARK5551234` });
    expect(query.statusCode).toBe(400);
    expect(query.body).not.toContain('5551234');
  });
});

test('/v1/openapi.json is the document', async () => {
  const answer = await app.http.inject({ method: 'GET', url: '/v1/openapi.json' });
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.json()).toEqual(JSON.parse(JSON.stringify(document)));
});

describe('/v1/docs', () => {
  const page = docsPage(document);

  test('is a page that runs nothing and loads nothing, and may not', async () => {
    const answer = await app.http.inject({ method: 'GET', url: '/v1/docs' });
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers['content-security-policy']).toBe(docsPolicy);
    expect(docsPolicy).toContain(`style-src ${cspSourceOf(docsStyle)}`);
    expect(answer.body).toBe(page);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(| on\w+=|style="|https?:\/\//i);
    expect(page.split('<style>').length).toBe(2);
  });

  test('tells every operation, every schema, every code, and every link in it leads somewhere', () => {
    for (const { operation, path } of listed) {
      expect(page).toContain(`id="${operation.operationId}"`);
      expect(page).toContain(`<code>${path}</code>`);
    }
    const targets = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.filter((id) => !targets.has(id))).toEqual([]);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.length).toBe(targets.size);
  });

  test('is well-formed: what is opened is closed, in order', () => {
    const voids = new Set(['meta', 'br', '!doctype']);
    const open: string[] = [];
    for (const [, slash, name = ''] of page.matchAll(/<(\/?)([a-z0-9!]+)[^>]*>/g)) {
      if (voids.has(name)) continue;
      if (slash === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  test('shows words of the document as words, whatever they are', () => {
    const hostile = '<script>alert(1)</script>`<b>`"\'&';
    const page = docsPage({ ...document, info: { ...document.info, description: hostile, title: hostile } });
    expect(page).not.toMatch(/<script|<b>`/);
  });
});
