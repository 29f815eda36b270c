import type { Mutation } from './mutations.ts';

const lockAway = 'await this.#lockAway(asking);';
const startLocks = `await this.#refuseUnreadable(top));
    ${lockAway}`;
const expiryLocks = `${lockAway}
    return count;`;

/** What must not go wrong with a recovery key. */
export const recoveryMutations: readonly Mutation[] = [
  {
    name: 'an unnamed key is left as it was',
    patches: [
      {
        file: 'vault/file-vault.ts',
        find: "await this.#folders.destroy(unlocked.map((name) => fileName('key', name)));",
        replace: '',
      },
    ],
    killedBy: { history: 'with a recovery key, what was erased is dead' },
    finding: 'opens',
  },
  {
    name: 'a start does not lock away what a seal that died has left',
    patches: [{ file: 'keys/root-keys.ts', find: startLocks, replace: startLocks.replace(lockAway, '') }],
    killedBy: { history: 'with a recovery key, a seal that died locking keys away (destroy key-)' },
    finding: 'opens',
  },
  {
    name: 'an expiry does not lock away what a seal that died has left',
    patches: [{ file: 'keys/root-keys.ts', find: expiryLocks, replace: expiryLocks.replace(lockAway, '') }],
    killedBy: { history: 'with a recovery key, an expiry too' },
    finding: 'opens',
  },
  {
    name: 'the named key is locked away too',
    patches: [{ file: 'keys/root-keys.ts', find: 'key.id !== top.keyId && !key.isLocked', replace: '!key.isLocked' }],
    killedBy: { history: 'with a recovery key, what was erased is dead' },
    finding: 'lost',
  },
];
