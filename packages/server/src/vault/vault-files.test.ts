import { expect, test } from 'vitest';
import type { JournalEntry } from '../model/key-store.ts';
import {
  fileName,
  keysAmong,
  namesOf,
  readHead,
  readKey,
  readSegment,
  readUnlocked,
  writeHead,
  writeKey,
  writeSegment,
} from './vault-files.ts';

const name = { id: '0123456789abcdef0123456789abcdef', generation: 7 };
const key = Buffer.alloc(32, 9);
const masterKey = Buffer.alloc(32, 1);
const entries = [1, 2].map(
  (slot): JournalEntry => ({
    id: `entry-${slot}`,
    kind: 'slots_unnamed',
    tenantId: null,
    ownerId: null,
    action: null,
    slots: [[slot, slot]],
    at: 1_700_000_000_000,
    detail: null,
  }),
);

test('names are told by generation, and what is temporary is not told', () => {
  const later = { ...name, generation: 10 };
  const files = [fileName('key', later), fileName('key', name), `${fileName('key', name)}.0a1b.tmp`, 'archive'];
  expect(namesOf('key', files)).toEqual([name, later]);
  expect(namesOf('head', files)).toEqual([]);
});

test('a key comes back as it was written, wrapped or not', () => {
  expect(readKey(writeKey('archive-1', name, key), name)).toEqual(key);
  expect(readKey(writeKey('archive-1', name, key, masterKey), name, masterKey)).toEqual(key);
});

test('a wrapped key file does not hold the key', () => {
  expect(writeKey('archive-1', name, key, masterKey).includes(key)).toBe(false);
});

test('a wrapped key is refused without the master key, under another one, and under another name', () => {
  const wrapped = writeKey('archive-1', name, key, masterKey);
  for (const wrong of [undefined, Buffer.alloc(32, 2)]) {
    expect(() => readKey(wrapped, name, wrong)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  }
  const renamed = Buffer.from(wrapped.toString('latin1').replace('"generation":7', '"generation":8'), 'latin1');
  const other = { ...name, generation: 8 };
  expect(() => readKey(renamed, other, masterKey)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
});

test('a key that is not wrapped is refused where a master key is set', () => {
  expect(() => readKey(writeKey('archive-1', name, key), name, masterKey)).toThrow(
    expect.objectContaining({ code: 'config_invalid' }),
  );
});

test('a key file cut short at any byte is damage, wrapped or not, and never a wrong master key', () => {
  for (const wrapping of [undefined, masterKey]) {
    const bytes = writeKey('archive-1', name, key, wrapping);
    for (let kept = 0; kept < bytes.length; kept += 1) {
      expect(() => readKey(bytes.subarray(0, kept), name, wrapping)).toThrow(
        expect.objectContaining({ code: 'damage' }),
      );
    }
  }
});

test('a key under the name of another is damage', () => {
  const bytes = writeKey('archive-1', name, key);
  for (const other of [
    { ...name, generation: 8 },
    { ...name, id: 'f'.repeat(32) },
  ]) {
    expect(() => readKey(bytes, other)).toThrow(expect.objectContaining({ code: 'damage' }));
  }
});

test('a key of which any bit has rotted is damage, also in a locked file, and never another key', () => {
  const bytes = writeKey('archive-1', name, key);
  for (let bit = 0; bit < 8 * key.length; bit += 1) {
    const rotten = Buffer.from(bytes);
    const at = rotten.length - key.length + (bit >> 3);
    rotten.writeUInt8(rotten.readUInt8(at) ^ (1 << (bit & 7)), at);
    const isDamage = expect.objectContaining({ code: 'damage' });
    expect(() => readKey(rotten, name)).toThrow(isDamage);
    expect(() => readUnlocked(rotten, name, 'archive-1')).toThrow(isDamage);
  }
});

test('a key file from before there were commitments is read as it is', () => {
  const line = `${JSON.stringify({ format: 1, archiveId: 'archive-1', ...name, wrapped: false })}\n`;
  expect(readKey(Buffer.concat([Buffer.from(line), key]), name)).toEqual(key);
});

test('what a locked file says is the key of one archive, one generation and one id, without a master key', () => {
  const plain = writeKey('archive-1', name, key);
  expect(readUnlocked(plain, name, 'archive-1')).toEqual(key);
  const wrong: [Buffer, typeof name, string][] = [
    [plain, name, 'archive-2'],
    [plain, { ...name, generation: 8 }, 'archive-1'],
    [plain, { ...name, id: 'f'.repeat(32) }, 'archive-1'],
    [plain.subarray(0, -1), name, 'archive-1'],
    [writeKey('archive-1', name, key, masterKey), name, 'archive-1'],
  ];
  for (const args of wrong) expect(() => readUnlocked(...args)).toThrow(expect.objectContaining({ code: 'damage' }));
});

test('a key is told once, as locked where nothing but its locked file is there', () => {
  const [a, b, c] = [1, 2, 3].map((generation) => ({ id: String(generation).repeat(32), generation }));
  if (!a || !b || !c) throw new Error('no names');
  const files = [fileName('locked', c), fileName('locked', b), fileName('key', b), fileName('key', a), 'archive'];
  const told = [
    { ...a, isLocked: false },
    { ...b, isLocked: false },
    { ...c, isLocked: true },
  ];
  expect(keysAmong(files)).toEqual(told);
  expect(keysAmong(files.toReversed())).toEqual(told);
});

test('a segment comes back entry by entry, and one cut short at any line is damage', () => {
  const bytes = writeSegment('archive-1', name, entries);
  expect(readSegment(bytes, 's')).toEqual(entries);
  const lines = bytes.toString().trimEnd().split('\n');
  for (let kept = 0; kept < lines.length; kept += 1) {
    const cut = Buffer.from(`${lines.slice(0, kept).join('\n')}\n`);
    expect(() => readSegment(cut, 's')).toThrow(expect.objectContaining({ code: 'damage' }));
  }
});

test('a head comes back as it was written, and one that is not whole is damage', () => {
  const head = { generation: 7, keyId: name.id, sealedAt: 1_700_000_000_000 };
  expect(readHead(writeHead('archive-1', head), 'h')).toEqual(head);
  for (const bytes of ['', '{', '[]', '{"generation":7,"keyId":"x"}', '{"generation":-0.5,"keyId":"x","sealedAt":1}']) {
    expect(() => readHead(Buffer.from(bytes), 'h')).toThrow(expect.objectContaining({ code: 'damage' }));
  }
});
