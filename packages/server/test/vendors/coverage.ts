/** What holds for the recorded exchanges of every vendor. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Exchange, type Recording, type Step, stepsOf } from './recording.ts';

/** Every file covers something, nothing twice, and nothing but what there is. */
export function expectKnownCovers(recordings: readonly Recording[], isKnown: (covered: string) => boolean): void {
  for (const { name, exchange } of recordings) {
    expect(exchange.covers, name).not.toEqual([]);
    expect(new Set(exchange.covers).size, name).toBe(exchange.covers.length);
    expect(
      exchange.covers.filter((one) => !isKnown(one)),
      name,
    ).toEqual([]);
  }
}

/** What an exchange covers it sends a request to, and what it begins with it covers: what follows may be there only to look. */
export function expectCoveredRowsAsked<Row>(
  recordings: readonly Recording[],
  rowsByName: ReadonlyMap<string, Row>,
  rowOf: (line: string) => Row | undefined,
): void {
  for (const { name, exchange } of recordings) {
    const sentTo = stepsOf(exchange).map(({ request }) => rowOf(request.line));
    const named = exchange.covers.flatMap((one) => rowsByName.get(one) ?? []);
    for (const row of named) expect(sentTo, name).toContain(row);
    const [first] = sentTo;
    if (first !== undefined) expect(named, name).toContain(first);
  }
}

/** JSON has the Content-Type that all clients take, an empty body has none, and anything else is audio. */
export function expectContentTypes(recordings: readonly Recording[]): void {
  for (const { name, exchange } of recordings) {
    for (const { response, request } of stepsOf(exchange)) {
      const type = response.headers['content-type'];
      if (response.json !== undefined) expect(type, name).toBe('application/json; charset=utf-8');
      else if (response.body === '') expect(type, name).toBeNull();
      else expect(type, `${name}: ${request.line}`).toMatch(/^audio\//);
    }
  }
}

/** Of an exchange that is about what follows an answer, the name may say more. */
export function expectNamedAfterStatus(recordings: readonly Recording[]): void {
  for (const { name, exchange } of recordings) {
    expect(name).toMatch(/^[a-z0-9-]+\/[a-z0-9-]+-\d{3}(-[a-z0-9-]+)?\.json$/);
    expect(name).toContain(`-${exchange.response.status}`);
  }
}

export function expectEachAboutSomethingElse(recordings: readonly Recording[]): void {
  const said = new Map<string, string>();
  for (const { name, exchange } of recordings) {
    const { about: _about, covers: _covers, source: _source, ...rest } = exchange;
    const what = JSON.stringify(rest);
    expect(said.get(what), name).toBeUndefined();
    said.set(what, name);
  }
}

/** Keys of our own format that no table of the vendors' READMEs explains. */
export function unexplainedKeys(recordings: readonly Recording[], vendors: readonly string[]): string[] {
  const texts = vendors.map((vendor) => readFileSync(join(import.meta.dirname, vendor, 'README.md'), 'utf8'));
  const explained = new Set(
    [...texts.join('\n').matchAll(/^\| `([^|]+?)` +\|/gm)].flatMap(([, keys = '']) => keys.split('`, `')),
  );
  const used = new Set(recordings.flatMap(({ exchange }) => keysOf(exchange)));
  return [...used].filter((key) => !explained.has(key));
}

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
