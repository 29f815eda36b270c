import type { Patch } from './mutate.ts';

/** What shows a mutation: random histories of one form, or the directed history of this name's beginning. */
export type KilledBy = 'random' | 'random with seizures' | { history: string };

export type Mutation = {
  name: string;
  patches: readonly Patch[];
  killedBy: KilledBy;
  /** What is found: `opens` is the attacker reading what must be dead, `lost` is a living call that opens no more. */
  finding: 'opens' | 'lost' | 'journal';
  isSealedBeforeCommit?: boolean;
};

const renewedKey = 'const pageKey = fresh.key();';
const oldKey = 'page.key';

/** The page key of one level stays what it was, once the page is born. */
function notRenewedAt(level: string): Patch[] {
  const find = renewedKey;
  const isKept = `page.place.level === ${level} && !isAbsent(${oldKey})`;
  const replace = `const pageKey = ${isKept} ? Buffer.from(${oldKey}) : fresh.key();`;
  return [{ file: 'keys/rewrite.ts', find, replace }];
}

const sealBegins = "const head = await this.#underLock(asking, 'usual', async (held) => {";
const expiryBegins = "const count = await this.#underLock(asking, 'fresh', async ({ tx, top, state }) => {";
const underLock = '  async #underLock<T>(';
const moveHead = `await this.#moveHead(asking);
    await this.#faults.at('seal:head-moved');`;
const expiryEnds = `=== 0) return 0;
      await this.#faults.at('expire:chosen');
      await this.#tree.lock(tx); // What follows cannot be undone, and a process that stood still may have lost it since.
      await this.#vault.expire(gone);
      await this.#faults.at('expire:destroyed');
      return gone.keys.length;
    });`;

/** Every mutation that DESIGN section 3 lists. */
export const mutations: readonly Mutation[] = [
  { name: 'a leaf keeps its key', patches: notRenewedAt('0'), killedBy: 'random', finding: 'opens' },
  { name: 'a middle page keeps its key', patches: notRenewedAt('1'), killedBy: 'random', finding: 'opens' },
  {
    name: 'a page below the top keeps its key',
    patches: notRenewedAt('on.shape.levels - 2'),
    killedBy: 'random',
    finding: 'opens',
  },
  {
    name: 'a renewed key is derived from the old one',
    patches: [
      {
        file: 'keys/rewrite.ts',
        find: renewedKey,
        replace: `const pageKey = isAbsent(${oldKey})
          ? fresh.key()
          : createHash('sha256').update(${oldKey}).digest();`,
      },
      {
        file: 'keys/rewrite.ts',
        find: 'import type { KeyTx, PagePlace',
        replace: "import { createHash } from 'node:crypto';\nimport type { KeyTx, PagePlace",
      },
    ],
    killedBy: { history: 'what lies in a leaf born after a seal' },
    finding: 'opens',
  },
  {
    name: 'a seal keeps the root key',
    patches: [
      {
        file: 'keys/root-keys.ts',
        find: `const key = this.#tree.crypto.random(keyBytes);
    let keys`,
        replace: `const key = await this.#tree.rootKey(top);
    let keys`,
      },
    ],
    killedBy: 'random',
    finding: 'opens',
  },
  {
    name: 'a stale topmost page is sealed',
    patches: [
      {
        file: 'keys/root-keys.ts',
        find: 'keys = await this.#tree.openTop(top);',
        replace: 'keys = Buffer.from((this.stale ??= Buffer.from(await this.#tree.openTop(top))));',
      },
      {
        file: 'keys/root-keys.ts',
        find: 'readonly #horizonMs: number;',
        replace: 'readonly #horizonMs: number;\nstale: Buffer | undefined;',
      },
    ],
    killedBy: { history: 'a second seal by the same process' },
    finding: 'lost',
  },
  {
    name: 'a stale leaf is written back',
    patches: [
      {
        file: 'keys/key-tree.ts',
        find: 'apply: (keys) => this.#overwrite(leaf, keys, mine, killed)',
        replace: `apply: (keys) => {
        this.stale.get(leaf)?.copy(keys);
        this.#overwrite(leaf, keys, mine, killed);
        this.stale.set(leaf, Buffer.from(keys));
      }`,
      },
      {
        file: 'keys/key-tree.ts',
        find: 'readonly #cache: PageCache;',
        replace: 'readonly #cache: PageCache;\n  readonly stale = new Map<number, Buffer>();',
      },
    ],
    killedBy: { history: 'a slot destroyed by one process' },
    finding: 'opens',
  },
  {
    name: 'a retired key is kept',
    patches: [
      {
        file: 'vault/file-vault.ts',
        find: 'of [keys, segments, heads]',
        replace: 'of [keys.slice(0, 0), segments, heads]',
      },
    ],
    killedBy: 'random',
    finding: 'opens',
  },
  {
    name: 'temporary files are kept',
    patches: [
      {
        file: 'vault/mirrored-folders.ts',
        find: 'await place.folder.rename(temp, name)',
        replace: 'await place.folder.write(name, (await place.folder.read(temp)) ?? Buffer.alloc(0))',
      },
      { file: 'vault/mirrored-folders.ts', find: '(name) => name.endsWith(tempSuffix)', replace: '() => false' },
    ],
    killedBy: { history: 'an erased call is dead' },
    finding: 'opens',
  },
  {
    name: 'a slot is not overwritten',
    patches: [
      {
        file: 'keys/key-tree.ts',
        find: 'apply: (keys) => this.#overwrite(leaf, keys, mine, killed)',
        replace: 'apply: (keys) => this.#overwrite(leaf, Buffer.from(keys), mine, killed)',
      },
    ],
    killedBy: 'random',
    finding: 'opens',
  },
  {
    name: 'a slot is used before it is committed',
    patches: [],
    isSealedBeforeCommit: true,
    killedBy: { history: 'a transaction that failed leaves no ciphertext' },
    finding: 'opens',
  },
  {
    name: 'a birth tried again takes the keys drawn before',
    patches: [
      {
        file: 'keys/key-tree.ts',
        find: 'void this.crypto.random(keys.length).copy(keys)',
        replace: 'void (this.drawn[leaf] ??= this.crypto.random(keys.length)).copy(keys)',
      },
      {
        file: 'keys/key-tree.ts',
        find: 'readonly #cache: PageCache;',
        replace: 'readonly #cache: PageCache;\n  readonly drawn: Buffer[] = [];',
      },
    ],
    killedBy: { history: 'a birth that is tried again' },
    finding: 'opens',
  },
  {
    name: 'the old epoch key is kept',
    patches: [
      {
        file: 'keys/token-epochs.ts',
        find: 'const destroyed = await this.#tree.destroy(tx.keys, [epoch.slot]);',
        replace: 'const destroyed: number[] = [];',
      },
    ],
    killedBy: { history: 'stated: tokens of an erased number' },
    finding: 'opens',
  },
  {
    name: 'a journal segment is missing',
    patches: [
      { file: 'vault/file-vault.ts', find: 'next.entries.length === 0 ? [key] : [segment, key]', replace: '[key]' },
    ],
    killedBy: { history: 'a call erased and sealed stays erased' },
    finding: 'opens',
  },
  {
    name: 'the head is moved late, a seal that died is never finished',
    patches: [
      { file: 'keys/root-keys.ts', find: sealBegins, replace: sealBegins.replace('underLock', 'unfinished') },
      { file: 'keys/root-keys.ts', find: expiryBegins, replace: expiryBegins.replace('underLock', 'unfinished') },
      {
        file: 'keys/root-keys.ts',
        find: underLock,
        replace: `async #unfinished<T>(asking: Asking, on: Connection, work: (held: Held) => Promise<T>): Promise<T> {
    return await (on === 'fresh' ? this.#store.writeFresh : this.#store.write)(async (tx) =>
      await work({ tx, top: await this.#tree.lock(tx), state: await this.#vault.current() }));
  }
${underLock}`,
      },
    ],
    killedBy: { history: 'a seal that died before its head moved' },
    finding: 'opens',
  },
  {
    name: 'the head is moved late, by the next seal alone',
    patches: [{ file: 'keys/root-keys.ts', find: moveHead, replace: '' }],
    killedBy: { history: 'a call that a copy put back has lost' },
    finding: 'opens',
  },
  {
    name: 'the head is moved back',
    patches: [
      { file: 'keys/root-keys.ts', find: moveHead, replace: 'await this.#vault.retire(head);' },
      {
        file: 'vault/file-vault.ts',
        find: 'async retire(head: Head): Promise<void> {',
        replace: `async retire(head: Head): Promise<void> {
    const newer = (await this.current()).heads.filter((one) => one.generation > head.generation);
    await this.expire({ keys: [], segments: [], heads: newer });`,
      },
    ],
    killedBy: { history: 'the head never goes back' },
    finding: 'opens',
  },
  {
    name: 'a copy is noticed by the head alone',
    patches: [
      {
        file: 'keys/restored.ts',
        find: 'for (const segment of await unseenSegments(state, tx)) {',
        replace: 'for (const segment of (await unseenSegments(state, tx)).slice(0, 0)) {',
      },
    ],
    killedBy: { history: 'a copy put back is noticed although' },
    finding: 'opens',
  },
  {
    name: 'a restore sets no mark',
    patches: [{ file: 'keys/restore.ts', find: 'await tx.keys.updateTop({ isRestoring: true });', replace: '' }],
    killedBy: { history: 'a restore that died (restore:replayed)' },
    finding: 'opens',
  },
  {
    name: 'a restore leaves unnamed slots',
    patches: [
      { file: 'keys/restore.ts', find: 'report.slotsDestroyed += await destroyUnnamed(on, told);', replace: '' },
    ],
    killedBy: { history: 'a call that a copy put back has lost' },
    finding: 'opens',
  },
  {
    name: 'an expiry destroys outside the lock',
    patches: [
      {
        file: 'keys/root-keys.ts',
        find: expiryEnds,
        replace: `=== 0) return gone;
      return gone;
    }).then(async (gone) => {
      await this.#faults.at('expire:chosen');
      await this.#vault.expire(gone);
      return gone.keys.length;
    });`,
      },
    ],
    killedBy: { history: 'an expiry never destroys the key' },
    finding: 'lost',
  },
  {
    name: 'an expiry looks at the old connection',
    patches: [
      { file: 'keys/root-keys.ts', find: 'this.#store.writeFresh(within)', replace: 'this.#store.write(within)' },
    ],
    killedBy: { history: 'an expiry of a process that opened' },
    finding: 'lost',
  },
];
