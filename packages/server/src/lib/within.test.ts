import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { within } from './within.ts';

const late = () => new Error('late');

describe('a limit', () => {
  test('lets through what comes in time, its failure too', async () => {
    expect(await within(60_000, Promise.resolve(3), late)).toBe(3);
    await expect(within(60_000, Promise.reject(new Error('its own')), late)).rejects.toThrow('its own');
  });

  test('ends the wait for what never comes', async () => {
    await expect(within(2, new Promise(() => undefined), late)).rejects.toThrow('late');
  });

  test('does not count the time for which the process stood still', async () => {
    const work = within(600, readFile(import.meta.filename), late);
    const until = performance.now() + 700;
    while (performance.now() < until);
    expect((await work).length).toBeGreaterThan(0);
  });
});
