import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileVault } from '../../src/vault/file-vault.ts';
import { type Folder, openFolder } from '../../src/vault/folder.ts';
import { goneSuffix } from '../../src/vault/vault-files.ts';

const head = (generation: number) => ({
  generation,
  keyId: String(generation).padStart(32, '0'),
  sealedAt: generation,
});

let path: string;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'tacet-vault-'));
});

afterEach(async () => await rm(path, { recursive: true }));

describe('whoever reads the vault while something in it is being destroyed', () => {
  test('is told what is left, and of no damage', async () => {
    const folder = openFolder(path);
    const writer = new FileVault({ folders: [folder] });
    await writer.create('archive');
    await writer.retire(head(1));
    await writer.retire(head(2));
    // The file was opened before its name went, and read after its bytes were overwritten.
    const late: Folder = {
      ...folder,
      async read(name) {
        const isDoomed = name.includes(head(1).keyId) && (await folder.read(name)) !== undefined;
        if (isDoomed) await writer.expire({ keys: [], segments: [], heads: [head(1)] });
        return isDoomed ? randomBytes(90) : await folder.read(name);
      },
    };
    expect((await new FileVault({ folders: [late] }).current()).heads).toEqual([head(2)]);
  });

  test('never finds its bytes overwritten under its name', async () => {
    const folder = openFolder(path);
    await folder.write('key', Buffer.from('whole'));
    const seen = new Set<string | undefined>();
    const destroying = folder.destroy('key').then(() => 'done' as const);
    while ((await Promise.race([destroying, Promise.resolve()])) !== 'done') {
      seen.add((await folder.read('key'))?.toString());
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([...seen].filter((text) => text !== undefined && text !== 'whole')).toEqual([]);
    expect(readdirSync(path)).toEqual([]);
  });
});

describe('what a process left half destroyed', () => {
  test('is no key any more, and goes when the vault is next recovered', async () => {
    const folder = openFolder(path);
    const vault = new FileVault({ folders: [folder] });
    await vault.create('archive');
    await folder.write(`key-000000000001-${'0'.repeat(32)}${goneSuffix}`, randomBytes(32));
    expect((await vault.current()).keys).toEqual([]);
    await vault.recover();
    expect(readdirSync(path)).toEqual(['archive']);
  });
});
