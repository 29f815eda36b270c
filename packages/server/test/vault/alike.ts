/** What the folders of a vault hold, looked up as directly as possible. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

export async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort();
}

/** Both folders hold the same files, byte for byte. */
export async function expectAlike([one = '', two = '']: readonly string[]): Promise<void> {
  expect(await filesIn(one)).toEqual(await filesIn(two));
  for (const file of await filesIn(one)) {
    expect((await readFile(join(one, file))).equals(await readFile(join(two, file))), file).toBe(true);
  }
}
