import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  expectContentTypes,
  expectCoveredRowsAsked,
  expectEachAboutSomethingElse,
  expectKnownCovers,
  expectNamedAfterStatus,
  unexplainedKeys,
} from './coverage.ts';
import { itemsMax, nameOf, type Row, rowOf, rows } from './creovai-rows.ts';
import { type Recording, readRecordings, stepsOf } from './recording.ts';

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
    expectKnownCovers(recordings, (one) => rowsByName.has(one) || items.includes(one));
  });

  test('cover a row by a request to it, and name the one that they begin with', () => {
    expectCoveredRowsAsked(recordings, rowsByName, rowOf);
  });

  test('say the Content-Type of every answer, and of JSON the one that all clients take', () => {
    expectContentTypes(recordings);
  });

  test('are named after the status of their first answer', () => expectNamedAfterStatus(recordings));

  test('are each about something else', () => expectEachAboutSomethingElse(recordings));

  test('use no key that their README does not explain', () => {
    expect(unexplainedKeys(recordings, ['creovai'])).toEqual([]);
  });
});
