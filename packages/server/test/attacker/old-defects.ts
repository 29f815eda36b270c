import type { Mutation } from './mutations.ts';

/** Defects that the attacker test has found in the code itself: it must go on finding them. */
export const oldDefects: readonly Mutation[] = [
  {
    name: 'a key whose destruction died half-way stays until the next start',
    patches: [
      {
        file: 'keys/root-keys.ts',
        find: 'await this.#vault.recover();\n      const gone',
        replace: 'const gone',
      },
    ],
    killedBy: { history: 'a key whose destruction was interrupted' },
    finding: 'opens',
  },
  {
    name: 'an expiry goes by the folders that it can read',
    patches: [
      {
        file: 'keys/root-keys.ts',
        find: 'current({ whole: true });\n    if (asking',
        replace: 'current();\n    if (asking',
      },
    ],
    killedBy: { history: 'a key that lingers in one folder' },
    finding: 'opens',
  },
  {
    name: 'keys are locked away and one half destroyed before stays',
    patches: [
      {
        file: 'keys/root-keys.ts',
        find: 'await this.#vault.recover();\n        const unlocked',
        replace: 'const unlocked',
      },
    ],
    killedBy: { history: 'with a recovery key, a key whose destruction a failing disk' },
    finding: 'opens',
  },
  {
    name: 'a copy that names a key locked away is taken for the live database',
    patches: [{ file: 'keys/restored.ts', find: 'key.id === top.keyId && key.isLocked', replace: 'key.id === ""' }],
    killedBy: { history: 'with a recovery key, a copy is noticed that names' },
    finding: 'lost',
  },
  {
    name: 'a transaction works with the root key that the cache wipes when it forgets',
    patches: [
      {
        file: 'keys/root-key-lookup.ts',
        find: 'if (cached) return Buffer.from(cached);',
        replace: 'if (cached) return cached;',
      },
      {
        file: 'keys/key-tree.ts',
        find: 'finally {\n      rootKey.fill(0);\n    }\n  }\n\n  async #rewrite',
        replace: 'finally {}\n  }\n\n  async #rewrite',
      },
      {
        file: 'keys/key-tree.ts',
        find: 'edits);\n    } finally {\n      rootKey.fill(0);',
        replace: 'edits);\n    } finally {',
      },
    ],
    killedBy: { history: 'a cache that forgets in the middle' },
    finding: 'lost',
  },
  {
    name: 'a restore destroys slots of which the journal is silent',
    patches: [{ file: 'keys/restore.ts', find: '[...entries, ...own]', replace: 'entries' }],
    killedBy: { history: 'the journal tells of every slot' },
    finding: 'journal',
  },
  {
    name: 'a process keeps the leaf whose reservation it has lost',
    patches: [
      {
        file: 'keys/slot-issuer.ts',
        find: 'if (this.#leaf?.index === index) this.#leaf = undefined;',
        replace: '',
      },
    ],
    killedBy: { history: 'a process whose reservation was ended' },
    finding: 'lost',
  },
];
