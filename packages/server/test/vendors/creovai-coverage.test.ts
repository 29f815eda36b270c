import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { itemsMax, nameOf, type Row, rowOf, rows } from './creovai-rows.ts';
import { type Exchange, type Recording, readRecordings, type Step, stepsOf } from './recording.ts';

const recordings = readRecordings('creovai');
const rowsByName: ReadonlyMap<string, Row> = new Map(rows.map((row) => [nameOf(row), row]));
const items = Array.from({ length: itemsMax }, (_, at) => `4.${at + 1}`);
const trapTests = readdirSync(import.meta.dirname)
  .filter((name) => /^creovai-traps-.*\.test\.ts$/.test(name))
  .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  .join('\n');
const namesOf = (found: readonly Recording[]) => found.map(({ name }) => name);

/** The answers that an operation must be shown with. */
function statusesOf({ method, path }: Row): number[] {
  if (path === '/Token') return [200, 400, 401];
  const takesInput = method === 'POST' || path.includes('{sessionId}');
  const namesCall = path.includes('{id}') || path.endsWith('/v1/token') || path.endsWith('/v2/token');
  return [200, ...(takesInput ? [400] : []), 401, 403, ...(namesCall ? [404] : [])];
}

describe('the recorded exchanges', () => {
  test.each(rows.map((row) => [nameOf(row), row] as const))('show %s with every answer it gives', (name, row) => {
    const steps = recordings
      .filter(({ exchange }) => exchange.covers.includes(name))
      .flatMap((one) => stepsOf(one.exchange));
    const shown = new Set(
      steps.filter(({ request }) => rowOf(request.line) === row).map(({ response }) => response.status),
    );
    expect([...shown]).toEqual(expect.arrayContaining(statusesOf(row)));
  });

  test.each(items)('pin item %s', (item) => {
    expect(namesOf(recordings.filter(({ exchange }) => exchange.covers.includes(item)))).not.toEqual([]);
  });

  test.each(items)('stand beside a test that says in words what item %s guarantees', (item) => {
    const name = new RegExp(`\\b(?:test|describe)(?:\\.each\\(\\w+\\))?\\(\\s*'${item.replace('.', '\\.')} \\w+`);
    expect(name.test(trapTests)).toBe(true);
  });

  test('cover nothing but what there is, each thing once', () => {
    for (const { name, exchange } of recordings) {
      expect(exchange.covers, name).not.toEqual([]);
      expect(new Set(exchange.covers).size, name).toBe(exchange.covers.length);
      const unknown = exchange.covers.filter((one) => !rowsByName.has(one) && !items.includes(one));
      expect(unknown, name).toEqual([]);
    }
  });

  test('cover a row by a request to it, and name the one that they begin with', () => {
    for (const { name, exchange } of recordings) {
      const sentTo = stepsOf(exchange).map(({ request }) => rowOf(request.line));
      const named = exchange.covers.flatMap((one) => rowsByName.get(one) ?? []);
      for (const row of named) expect(sentTo, `${name}: ${nameOf(row)}`).toContain(row);
      // What follows may be there only to look.
      const [first] = sentTo;
      if (first !== undefined) expect(named, name).toContain(first);
    }
  });

  test('say the Content-Type of every answer, and of JSON the one that all clients take', () => {
    for (const { name, exchange } of recordings) {
      for (const { response, request } of stepsOf(exchange)) {
        const type = response.headers['content-type'];
        if (response.json !== undefined) expect(type, name).toBe('application/json; charset=utf-8');
        else if (response.body === '') expect(type, name).toBeNull();
        else expect(type, `${name}: ${request.line}`).toMatch(/^audio\//);
      }
    }
  });

  test('are named after the status of their first answer', () => {
    for (const { name, exchange } of recordings) {
      // Of one that is about what follows an answer, the name may say more.
      expect(name).toMatch(/^[a-z0-9-]+\/[a-z0-9-]+-\d{3}(-[a-z0-9-]+)?\.json$/);
      expect(name).toContain(`-${exchange.response.status}`);
    }
  });

  test('are each about something else', () => {
    const said = new Map<string, string>();
    for (const { name, exchange } of recordings) {
      const { about: _about, covers: _covers, source: _source, ...rest } = exchange;
      const what = JSON.stringify(rest);
      expect(said.get(what), name).toBeUndefined();
      said.set(what, name);
    }
  });

  test('use no key that their README does not explain', () => {
    const readme = readFileSync(join(import.meta.dirname, 'creovai', 'README.md'), 'utf8');
    const explained = new Set(
      [...readme.matchAll(/^\| `([^|]+?)` +\|/gm)].flatMap(([, keys = '']) => keys.split('`, `')),
    );
    const used = new Set(recordings.flatMap(({ exchange }) => keysOf(exchange)));
    expect([...used].filter((key) => !explained.has(key))).toEqual([]);
  });
});

/** Every key of our own format in an exchange, by its path. */
function keysOf({ given = {}, after = [], ...first }: Exchange): string[] {
  const givens = Object.entries(given).flatMap(([key, value]) => {
    const entries: unknown[] = Array.isArray(value) ? value : [value];
    return [`given.${key}`, ...entries.flatMap((entry) => under(`given.${key}`, entry))];
  });
  const followed = after.flatMap((step) => [
    'after',
    ...keysOfStep(step).map((key) => (key.includes('.') ? key : `after.${key}`)),
  ]);
  return [...givens, ...followed, ...keysOfStep(first)];
}

function keysOfStep({ request, response, ...rest }: Step): string[] {
  return [...Object.keys(rest), ...under('request', request), ...under('response', response)];
}

function under(path: string, value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value).map((key) => `${path}.${key}`) : [];
}
