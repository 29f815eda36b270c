import { describe, expect, test } from 'vitest';
import { Look } from './look.ts';

type Ending = { resolve: () => void; reject: (error: Error) => void };

/** A look that ends when the test says so. */
function lookWith({ rememberMs = 60_000, limitMs = 60_000 } = {}) {
  const endings: Ending[] = [];
  const look = new Look({
    look: async () => await new Promise<void>((resolve, reject) => endings.push({ resolve, reject })),
    rememberMs,
    limitMs,
    late: () => new Error('late'),
  });
  return { look, endings };
}

describe('a look', () => {
  test('is shared by all who ask while it runs', async () => {
    const { look, endings } = lookWith();
    const asked = Promise.all([look.ask(), look.ask(), look.ask()]);
    expect(endings).toHaveLength(1);
    endings[0]?.resolve();
    await asked;
  });

  test('that found all well stands for a moment, and one that did not for none', async () => {
    const { look, endings } = lookWith();
    const failing = look.ask();
    endings[0]?.reject(new Error('gone'));
    await expect(failing).rejects.toThrow('gone');
    const well = look.ask();
    expect(endings).toHaveLength(2);
    endings[1]?.resolve();
    await well;
    await look.ask();
    expect(endings).toHaveLength(2);
  });

  test('is made again once its moment has passed', async () => {
    const { look, endings } = lookWith({ rememberMs: 0 });
    for (const looks of [1, 2]) {
      const asked = look.ask();
      expect(endings).toHaveLength(looks);
      endings.at(-1)?.resolve();
      await asked;
    }
  });

  test('that hangs fails for those who asked and for all who come, is never begun twice, and counts when it comes back', async () => {
    const { look, endings } = lookWith({ limitMs: 1 });
    await expect(look.ask()).rejects.toThrow('late');
    expect(look.isLate).toBe(true);
    await expect(look.ask()).rejects.toThrow('late');
    expect(endings).toHaveLength(1);
    endings[0]?.resolve();
    // The ending has to go through the look first.
    await new Promise((resolve) => setImmediate(resolve));
    expect(look.isLate).toBe(false);
    await look.ask();
    expect(endings).toHaveLength(1);
  });

  test('that hangs and then fails disturbs nobody', async () => {
    const { look, endings } = lookWith({ limitMs: 1 });
    await expect(look.ask()).rejects.toThrow('late');
    endings[0]?.reject(new Error('gone at last'));
    await new Promise((resolve) => setImmediate(resolve));
    const again = look.ask();
    expect(endings).toHaveLength(2);
    endings[1]?.resolve();
    await again;
  });
});
