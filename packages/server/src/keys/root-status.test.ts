import { expect, test } from 'vitest';
import type { TopRow } from '../model/key-store.ts';
import type { VaultState } from '../model/vault.ts';
import { rootStatusOf } from './root-status.ts';

const on = { horizonMs: 100, hasRecoveryKey: true };
const seal = (generation: number, sealedAt: number) => ({ generation, keyId: `key-${generation}`, sealedAt });
const key = (generation: number, isLocked = true) => ({ id: `key-${generation}`, generation, isLocked });

const top: TopRow = {
  archiveId: 'archive-1',
  keyId: 'key-5',
  generation: 5,
  sealedAt: 5000,
  isRestoring: false,
  nextLeaf: 0,
  page: new Uint8Array(),
};

const state: VaultState = {
  archiveId: 'archive-1',
  heads: [seal(3, 3000), seal(5, 5000)],
  // Key 4 is a stray one: its seal died before its commit. Key 6 was drawn a moment ago.
  keys: [key(2), key(3), key(4), key(5, false), key(6, false)],
  segments: [],
};

test('a backup opens from the time its root key was named until that key dies, and no backup hangs on a stray key', () => {
  const { rootKeys, backups } = rootStatusOf(top, state, [seal(2, 2000), seal(3, 3000), seal(5, 5000)], on);
  expect(rootKeys).toEqual([
    { generation: 2, isNamed: false, isLocked: true, diesAt: 3100 },
    { generation: 3, isNamed: false, isLocked: true, diesAt: 5100 },
    { generation: 4, isNamed: false, isLocked: true, diesAt: 5100 },
    { generation: 5, isNamed: true, isLocked: false, diesAt: null },
    { generation: 6, isNamed: false, isLocked: false, diesAt: null },
  ]);
  expect(backups).toEqual([
    { generation: 2, takenFrom: 2000, takenTo: 3000, opensUntil: 3100 },
    { generation: 3, takenFrom: 3000, takenTo: 5000, opensUntil: 5100 },
    { generation: 5, takenFrom: 5000, takenTo: null, opensUntil: null },
  ]);
});

test('seals that the database does not know, because a restore undid them, are told from the heads of the vault', () => {
  const { backups } = rootStatusOf(top, state, [seal(2, 2000), seal(5, 5000)], on);
  expect(backups.map(({ generation, takenTo }) => [generation, takenTo])).toEqual([
    [2, 3000],
    [3, 5000],
    [5, null],
  ]);
});
