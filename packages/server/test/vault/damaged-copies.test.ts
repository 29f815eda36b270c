/** One folder of several holds a damaged copy: the others are enough, and it is put right. */
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { journalEntry } from '../../src/keys/journal-entries.ts';
import { FileVault } from '../../src/vault/file-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';
import { archiveFile, fileName } from '../../src/vault/vault-files.ts';
import { expectAlike, filesIn } from './alike.ts';
import { bornSlot, newRecovery, TreeOnDisk } from './tree-on-disk.ts';

let disk: TreeOnDisk;
let one: string;
let two: string;

beforeEach(async () => {
  disk = await TreeOnDisk.open(2);
  [one = '', two = ''] = disk.folders;
});

afterEach(async () => await disk.close());

/** Changes the last bit, which in a key file is one of the key. */
async function rot(path: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.length - 1;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await writeFile(path, bytes);
}

async function namedKeyFile(): Promise<string> {
  const top = await disk.store.keyStore.reads.readTop();
  return fileName('key', { id: top?.keyId ?? '', generation: top?.generation ?? 0 });
}

async function fileOfKind(kind: string): Promise<string> {
  return (await filesIn(one)).find((file) => file.startsWith(`${kind}-`)) ?? '';
}

describe('a rotten bit in the named key of one folder', () => {
  test.each([0, 1])('(of two, %i) closes nothing, and the next seal puts that copy right', async (which) => {
    const before = await disk.started();
    const { slot, key } = await bornSlot(before);
    const [folder = '', other = ''] = which === 0 ? [one, two] : [two, one];
    const file = await namedKeyFile();
    const whole = await readFile(join(other, file));
    await rot(join(folder, file));
    const running = await disk.started();
    expect(await running.tree.open(slot)).toEqual({ kind: 'live', key });
    expect(await running.vault.inspect()).toEqual([{ folder: which + 1, file, problem: 'damaged' }]);
    await running.rootKeys.seal();
    expect(await readFile(join(folder, file))).toEqual(whole);
    expect(await running.vault.inspect()).toEqual([]);
    await expectAlike(disk.folders);
  });

  test('is not what is locked away: the whole copy is', async () => {
    const { recoveryKey, identities } = await newRecovery();
    const before = await disk.started();
    const [named] = (await before.vault.current()).keys;
    const key = await before.vault.open(named?.id ?? '', 1);
    await rot(join(one, await namedKeyFile()));
    const { rootKeys } = await disk.started({ recoveryKey });
    await rootKeys.seal();
    const opening = new FileVault({ folders: disk.folders.map((path) => openFolder(path)), identities });
    expect((await opening.current()).keys.map(({ isLocked }) => isLocked)).toEqual([true, false]);
    expect(await opening.open(named?.id ?? '', 1)).toEqual(key);
  });
});

const entry = journalEntry('slots_unnamed', 1_700_000_000_000, { slots: [1, 2] });

describe('a torn file', () => {
  test.each(['key', 'head', 'segment'])('(%s) is never copied into a folder that lacks it', async (kind) => {
    const running = await disk.started();
    await running.store.write(async (tx) => await tx.appendJournal([entry]));
    await running.rootKeys.seal();
    const file = kind === 'key' ? await namedKeyFile() : await fileOfKind(kind);
    await truncate(join(one, file), 0);
    const three = join(disk.home, 'vault-3');
    await mkdir(three, { mode: 0o700 });
    await writeFile(join(three, archiveFile), await readFile(join(two, archiveFile)), { mode: 0o600 });
    disk.folders.push(three);
    await disk.started();
    await expectAlike([two, three]);
    await expectAlike([one, two]);
  });

  test('that no folder has whole stays where it is, is told, and keeps nobody from sealing', async () => {
    const before = await disk.started();
    await before.rootKeys.seal();
    const file = await fileOfKind('key');
    await truncate(join(one, file), 5);
    await truncate(join(two, file), 0);
    const running = await disk.started();
    await running.rootKeys.seal();
    expect(await running.vault.inspect()).toEqual([
      { folder: 1, file, problem: 'damaged' },
      { folder: 2, file, problem: 'damaged' },
    ]);
  });

  test('that is locked does not cost the key that is still there as it was', async () => {
    const { recoveryKey } = await newRecovery();
    const before = await disk.started();
    const [first] = (await before.vault.current()).keys;
    if (first === undefined) throw new Error('no key');
    await before.rootKeys.seal();
    const running = disk.process({ recoveryKey });
    for (const folder of disk.folders) await writeFile(join(folder, fileName('locked', first)), '', { mode: 0o600 });
    await expect(running.rootKeys.lockAway()).rejects.toMatchObject({ code: 'damage' });
    expect(await filesIn(one)).toContain(fileName('key', first));
  });
});

describe('an inspection', () => {
  test('of a vault at rest, or of none, finds nothing', async () => {
    expect(await disk.process().vault.inspect()).toEqual([]);
    const { recoveryKey } = await newRecovery();
    const running = await disk.started({ recoveryKey });
    await running.rootKeys.seal();
    expect(await running.vault.inspect()).toEqual([]);
  });

  test('tells of every file that is missing or damaged in any folder, and changes nothing', async () => {
    const running = await disk.started();
    await running.rootKeys.seal();
    const [key, head] = [await namedKeyFile(), await fileOfKind('head')];
    await rm(join(two, key));
    await truncate(join(one, head), 3);
    await rm(join(two, archiveFile));
    const before = [await filesIn(one), await filesIn(two)];
    expect(await disk.process().vault.inspect()).toEqual([
      { folder: 1, file: head, problem: 'damaged' },
      { folder: 2, file: archiveFile, problem: 'missing' },
      { folder: 2, file: key, problem: 'missing' },
    ]);
    expect([await filesIn(one), await filesIn(two)]).toEqual(before);
  });
});
