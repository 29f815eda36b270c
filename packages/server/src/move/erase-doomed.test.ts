import { expect, test } from 'vitest';
import type { EraseOutcome } from '../model/blob-store.ts';
import { AppError } from '../model/errors.ts';
import { eraseDoomed } from './erase-doomed.ts';

const [soon, later] = [new Date('2030-01-01T00:00:00Z'), new Date('2031-01-01T00:00:00Z')];
const locked = (until: Date | null): EraseOutcome => ({ kind: 'locked', until });
const failed: EraseOutcome = { kind: 'failed', error: new AppError('blob_failed') };

/** Erases blobs that become of it what is said, in two pages. */
async function erasing(...outcomes: EraseOutcome[]) {
  const became = new Map(outcomes.map((outcome, no) => [`blob-${no}`, outcome]));
  async function* pages() {
    const names = [...became.keys()];
    yield names.slice(0, 2);
    yield names.slice(2);
  }
  const erase = async (names: readonly string[]) =>
    new Map(names.flatMap((name) => (became.has(name) ? [[name, became.get(name) ?? failed] as const] : [])));
  return await eraseDoomed(pages(), { erase });
}

test('bytes that go, or had gone, are not left behind', async () => {
  expect(await erasing({ kind: 'erased' }, { kind: 'absent' }, { kind: 'erased' })).toEqual({
    blobs: 0,
    codes: {},
    lockedUntil: null,
  });
});

test('bytes that would not go are counted by their reason, with the end of the last lock', async () => {
  expect(await erasing(locked(soon), failed, locked(later), { kind: 'erased' }, locked(soon))).toEqual({
    blobs: 4,
    codes: { blob_locked: 3, blob_failed: 1 },
    lockedUntil: later.getTime(),
  });
});

test('a lock without an end leaves the last of them without one', async () => {
  expect(await erasing(locked(later), locked(null))).toMatchObject({ blobs: 2, lockedUntil: null });
});
