import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { journalEntry } from '../../src/keys/journal-entries.ts';
import { FileVault } from '../../src/vault/file-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';

const id = (digit: string) => digit.repeat(32);
const [first, second] = [
  { id: id('a'), generation: 1 },
  { id: id('b'), generation: 2 },
];
const key = Buffer.alloc(32, 9);
const entries = [journalEntry('slots_unnamed', 1_700_000_000_000, { slots: [1, 2] })];

let home: string;
let folders: string[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tacet-vault-'));
  folders = [join(home, 'one'), join(home, 'two')];
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

function openVault(options: { masterKey?: Uint8Array } = {}): FileVault {
  return new FileVault({ folders: folders.map(openFolder), ...options });
}

async function written(options: { masterKey?: Uint8Array } = {}): Promise<FileVault> {
  const vault = openVault(options);
  await vault.create('archive-1');
  await vault.write({ name: first, key, entries: [] });
  await vault.write({ name: second, key: Buffer.alloc(32, 8), entries });
  return vault;
}

test('folders are for their owner alone, and so is each file', async () => {
  await written();
  for (const folder of folders) {
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const names = await readdir(folder);
    expect(names.length).toBe(4);
    for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  }
});

test('what is written is in every folder, and any one of them is enough to read it', async () => {
  await written();
  const [one = '', two = ''] = folders;
  expect((await readdir(one)).sort()).toEqual((await readdir(two)).sort());
  await rm(one, { recursive: true });
  const vault = openVault();
  expect(await vault.open(first.id, 1)).toEqual(key);
  expect(await vault.readSegment(second)).toEqual(entries);
  expect(await vault.current()).toEqual({
    archiveId: 'archive-1',
    heads: [],
    keys: [
      { ...first, isLocked: false },
      { ...second, isLocked: false },
    ],
    segments: [second],
  });
});

test('an empty vault, and a key that is not there, are not damage', async () => {
  expect(await openVault().current()).toEqual({ archiveId: undefined, heads: [], keys: [], segments: [] });
  expect(await openVault().open(first.id, 1)).toBeUndefined();
});

test('a vault takes one archive and no other', async () => {
  const vault = await written();
  await vault.create('archive-1');
  await expect(vault.create('archive-2')).rejects.toMatchObject({ code: 'archive_mismatch' });
  expect((await vault.current()).archiveId).toBe('archive-1');
});

test('the newest head is the head, however often and in whatever order heads are made', async () => {
  const vault = await written();
  const [one, two] = [first, second].map((name) => ({ generation: name.generation, keyId: name.id, sealedAt: 5 }));
  if (one === undefined || two === undefined) throw new Error('no heads');
  for (const head of [two, one, two]) await vault.retire(head);
  expect((await vault.current()).heads).toEqual([one, two]);
});

test('what has expired is in no folder any more', async () => {
  const vault = await written();
  const head = { generation: 1, keyId: first.id, sealedAt: 5 };
  await vault.retire(head);
  await vault.expire({ keys: [first], segments: [second], heads: [head] });
  for (const folder of folders) {
    expect((await readdir(folder)).sort()).toEqual(['archive', `key-000000000002-${second.id}`]);
  }
  await vault.expire({ keys: [first], segments: [second], heads: [head] });
});

test('a temporary file of a process that died is destroyed, and nothing else', async () => {
  const vault = await written();
  const before = await vault.current();
  for (const folder of folders) await writeFile(join(folder, `key-000000000003-${id('c')}.00ff.tmp`), key);
  expect(await vault.current()).toEqual(before);
  expect(await vault.recover()).toBe(folders.length);
  for (const folder of folders) expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(await vault.current()).toEqual(before);
});

test('under a master key no file holds a root key, and without it or under another none opens', async () => {
  const vault = await written({ masterKey: Buffer.alloc(32, 1) });
  expect(await vault.open(first.id, 1)).toEqual(key);
  for (const folder of folders) {
    for (const name of await readdir(folder)) expect((await readFile(join(folder, name))).includes(key)).toBe(false);
  }
  for (const wrong of [{}, { masterKey: Buffer.alloc(32, 2) }]) {
    await expect(openVault(wrong).open(first.id, 1)).rejects.toMatchObject({ code: 'config_invalid' });
  }
});

test('a segment that was cut short is damage, not a journal with nothing in it', async () => {
  const vault = await written();
  const files = folders.map((folder) => join(folder, `segment-000000000002-${second.id}`));
  const { size } = await stat(files[0] ?? '');
  for (const length of [size - 2, Math.floor(size / 2), 0]) {
    for (const file of files) await truncate(file, length);
    await expect(vault.readSegment(second)).rejects.toMatchObject({ code: 'damage' });
  }
});

test('a file that is damaged in one folder is read from another', async () => {
  const vault = await written();
  for (const name of await readdir(folders[0] ?? '')) {
    if (name !== 'archive') await truncate(join(folders[0] ?? '', name), 5);
  }
  expect(await vault.open(first.id, 1)).toEqual(key);
  expect(await vault.readSegment(second)).toEqual(entries);
});

test('a vault that cannot be read is unreachable: nobody takes its keys for destroyed', async () => {
  const vault = await written();
  for (const folder of folders) {
    await rm(folder, { recursive: true });
    await writeFile(folder, 'no folder');
  }
  await expect(vault.open(first.id, 1)).rejects.toMatchObject({ code: 'vault_unreachable' });
  await expect(vault.readSegment(second)).rejects.toMatchObject({ code: 'vault_unreachable' });
  await expect(vault.current()).rejects.toMatchObject({ code: 'vault_unreachable' });
});

test('a vault that was there and is not is unreachable: an empty place where it was shows no key to be destroyed', async () => {
  const vault = await written();
  expect((await vault.current()).archiveId).toBe('archive-1');
  for (const folder of folders) await rm(folder, { recursive: true });
  await expect(vault.open(first.id, 1)).rejects.toMatchObject({ code: 'vault_unreachable' });
  await expect(vault.readSegment(second)).rejects.toMatchObject({ code: 'vault_unreachable' });
  await expect(vault.current()).rejects.toMatchObject({ code: 'vault_unreachable' });
});
