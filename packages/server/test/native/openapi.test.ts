/** The API's document of itself: valid, what the server does, and readable by anybody. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isJsonObject } from '../../src/http/json-in.ts';
import { curlExample } from '../../src/http/native/curl-example.ts';
import { docsPage, docsPolicy } from '../../src/http/native/docs-page.ts';
import { docsStyle } from '../../src/http/native/docs-style.ts';
import { openapiOf, operationsIn } from '../../src/http/native/openapi.ts';
import { operations } from '../../src/http/native/operations.ts';
import { cspSourceOf } from '../../src/lib/csp-source.ts';
import { errorCodes } from '../../src/model/errors.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { inPlace } from '../support/schema-arbitrary.ts';

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

describe('the examples of the document', () => {
  const said = listed.flatMap(({ operation }) => {
    const { schema, example } = operation.requestBody?.content['application/json'] ?? {};
    return schema === undefined || example === undefined ? [] : [[operation.operationId, schema, example] as const];
  });

  test('are there for every JSON body that has to say something', () => {
    const needed = listed.filter(({ operation: { requestBody } }) => {
      return requestBody?.required === true && 'application/json' in requestBody.content;
    });
    const shown = said.map(([id]) => id);
    expect(needed.map(({ operation }) => operation.operationId).filter((id) => !shown.includes(id))).toEqual([]);
  });

  test.each(said)('%s: the body is one that its schema takes', (_id, schema, example) => {
    const shape = Compile(inPlace(document, schema));
    expect([...shape.Errors(example)]).toEqual([]);
  });

  test('in the schemas themselves fit them', () => {
    const wrong: string[] = [];
    const walk = (value: unknown, at: string): void => {
      if (Array.isArray(value)) for (const one of value) walk(one, at);
      if (!isJsonObject(value)) return;
      const shown: readonly unknown[] = Array.isArray(value['examples']) ? value['examples'] : [];
      const values = 'default' in value && 'type' in value ? [...shown, value['default']] : shown;
      const shape = Compile(inPlace(document, value));
      wrong.push(...values.filter((one) => !shape.Check(one)).map((one) => `${at}: ${JSON.stringify(one)}`));
      for (const [name, inner] of Object.entries(value)) walk(inner, `${at}/${name}`);
    };
    for (const [name, schema] of Object.entries(document.components.schemas)) walk(schema, name);
    for (const { operation } of listed) {
      for (const one of operation.parameters ?? []) if ('schema' in one) walk(one.schema, one.name);
      for (const [media, { schema }] of Object.entries(operation.requestBody?.content ?? {})) walk(schema, media);
    }
    expect(wrong).toEqual([]);
  });

  test('as commands send a body only where there is one, and do no harm where they are sent as they stand', () => {
    const commands = listed.map((one) => [one.operation.operationId, curlExample(document, one)] as const);
    const bodies = new Map(commands.map(([id, text]) => [id, / -d '(.*)'$/s.exec(text)?.[1]]));
    expect(bodies.get('cancelErasure')).toBeUndefined();
    expect(JSON.parse(bodies.get('changeSettings') ?? '')).toEqual({ guard: { calls: 5000 } });
    expect(JSON.parse(bodies.get('setRetention') ?? '')).toEqual({ days: 400 });
    expect(new Map(commands).get('removeRetention')).toContain('"$SERVER/v1/retention/$KIND"');
    expect(new Map(commands).get('watchErasure')).toContain(' -N');
  });
});

test('every operation has words of its own, and every write names its Idempotency-Key', () => {
  const summaries = listed.map(({ operation }) => operation.summary);
  expect(new Set(summaries).size).toBe(summaries.length);
  for (const { method, operation } of listed) {
    expect(operation.summary, operation.operationId).toMatch(/^[A-Z].{5,70}[^.]$/);
    const names = (operation.parameters ?? []).map((one) => ('$ref' in one ? one.$ref : one.name));
    const isWrite = method !== 'GET' && !['issueToken', 'searchCalls'].includes(operation.operationId);
    expect(names.includes('#/components/parameters/IdempotencyKey'), operation.operationId).toBe(isWrite);
  }
});

test('what HTTP itself lets a client ask is told: ranges, and what has not changed', () => {
  const headersOf = (id: string) => {
    const found = listed.find(({ operation }) => operation.operationId === id);
    return (found?.operation.parameters ?? []).flatMap((one) => ('in' in one && one.in === 'header' ? [one.name] : []));
  };
  expect(headersOf('getRecording')).toEqual(['Range']);
  expect(headersOf('readDocs')).toEqual(['If-None-Match']);
  expect(headersOf('getCall')).toEqual([]);
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

  test('begins with what it is, and its headings leave no level out', () => {
    const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    expect(levels.filter((level, place) => level > (levels[place - 1] ?? 0) + 1)).toEqual([]);
    expect(page.indexOf('<h1')).toBeLessThan(page.indexOf('<nav'));
  });

  test('holds nothing that a narrow screen cuts off, or that the keyboard does not reach', () => {
    expect(page).not.toMatch(/<table/);
    const scrolling = [...page.matchAll(/<pre([^>]*)>/g)].map(([, attributes = '']) => attributes);
    expect(scrolling.length).toBe(listed.length + 1);
    for (const attributes of scrolling) expect(attributes).toMatch(/ tabindex="0" role="group" aria-label="[^"]+"/);
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
