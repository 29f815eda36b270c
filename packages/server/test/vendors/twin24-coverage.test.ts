import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import {
  expectContentTypes,
  expectCoveredRowsAsked,
  expectEachAboutSomethingElse,
  expectKnownCovers,
  expectNamedAfterStatus,
  unexplainedKeys,
} from './coverage.ts';
import { type Recording, readRecordings, stepsOf } from './recording.ts';
import { absentRows, itemsMax, nameOf, pathsOf, rowOf, rows, type TwinRow } from './twin24-rows.ts';

const recordings = readRecordings('twin24');
const rowsByName: ReadonlyMap<string, TwinRow> = new Map([...rows, ...absentRows].map((row) => [nameOf(row), row]));
const items = Array.from({ length: itemsMax }, (_, at) => `7.${at + 1}`);
const trapTests = readdirSync(import.meta.dirname)
  .filter((name) => /^twin24-traps-.*\.test\.ts$/.test(name))
  .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  .join('\n');
const namesOf = (found: readonly Recording[]) => found.map(({ name }) => name);

let app: TestApp;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
});
afterAll(async () => await app.close());

/** The answers that an operation must be shown with. */
function statusesOf({ method, path }: TwinRow): number[] {
  if (path === '/auth/login' || path === '/auth/refresh') return [200, 400, 401];
  // Whoever has a token is somebody, and may know that there are no lines.
  if (path === '/users/me' || path === '/telephony/providers') return [200, 401];
  // A link is its own permission.
  if (path === '/records/{link}') return [200, 206, 404, 416];
  const isRead = method === 'GET' && path.endsWith('}');
  // Its body is not read, and anybody's state may be asked for: only what was halted refuses.
  const isFinal = path.endsWith('/halted');
  const namesSomething = /\{|\/cancel$|\/autoCallCandidate(\/batch)?$/.test(path);
  return [200, ...(isRead || isFinal ? [] : [400]), 401, 403, ...(namesSomething ? [404] : [])];
}

/** Every answer that the recordings show of a row. */
function shownOf(row: TwinRow): Set<number> {
  const steps = recordings.flatMap(({ exchange }) => stepsOf(exchange));
  return new Set(steps.filter(({ request }) => rowOf(request.line) === row).map(({ response }) => response.status));
}

describe('the recorded exchanges', () => {
  test.each(rows.map((row) => [nameOf(row), row] as const))('show %s with every answer it gives', (name, row) => {
    expect(namesOf(recordings.filter(({ exchange }) => exchange.covers.includes(name)))).not.toEqual([]);
    expect([...shownOf(row)]).toEqual(expect.arrayContaining(statusesOf(row)));
  });

  test.each(absentRows.map((row) => [nameOf(row), row] as const))('show that %s is not there', (_name, row) => {
    expect([...shownOf(row)]).toEqual([404]);
  });

  test('have a row for every route that the vendor surface serves, in both forms of its path, and for no other', async () => {
    const served: string[] = [];
    app.http.addHook('onRoute', ({ method, url }) => {
      served.push(...[method].flat().map((one) => `${one} ${url.replace(/:\w+/g, '{}')}`));
    });
    await app.http.ready();
    // HEAD of a recording is GET without its bytes.
    const ofVendor = served.filter((route) => /^(?!HEAD )\w+ \/((iam|cis|analyse)\/)?api\//.test(route));
    const tabled = rows.flatMap((row) => pathsOf(row).map((path) => `${row.method} ${path.replace(/\{\w+\}/g, '{}')}`));
    expect(ofVendor.sort()).toEqual(tabled.sort());
  });

  // What comes late comes through another API: the trap tests alone show it.
  test.each(items.filter((item) => item !== '7.14' && item !== '7.15'))('pin item %s', (item) => {
    expect(namesOf(recordings.filter(({ exchange }) => exchange.covers.includes(item)))).not.toEqual([]);
  });

  test.each(items)('stand beside a test that says in words what item %s guarantees', (item) => {
    const name = new RegExp(`\\b(?:test|describe)(?:\\.each\\(\\w+\\))?\\(\\s*'${item.replace('.', '\\.')} \\w+`);
    expect(name.test(trapTests)).toBe(true);
  });

  test('cover nothing but what there is, each thing once', () => {
    expectKnownCovers(recordings, (one) => rowsByName.has(one) || items.includes(one));
  });

  test('cover a row by a request to it, and name the one that they begin with', () => {
    expectCoveredRowsAsked(recordings, rowsByName, rowOf);
  });

  test('say the Content-Type of every answer, and of JSON the one that all clients take', () => {
    expectContentTypes(recordings);
  });

  test('never have the words on which the vendor\u2019s SDK spins', () => {
    for (const { name, exchange } of recordings) {
      expect(JSON.stringify(stepsOf(exchange).map(({ response }) => response)), name).not.toContain(
        'Token is expired.',
      );
    }
  });

  test('are named after the status of their first answer', () => expectNamedAfterStatus(recordings));

  test('are each about something else', () => expectEachAboutSomethingElse(recordings));

  test('use no key that their README does not explain', () => {
    expect(unexplainedKeys(recordings, ['creovai', 'twin24'])).toEqual([]);
  });
});
