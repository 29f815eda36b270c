/** The search for marked words in everything that an archive has written. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { marksIn } from './marks.ts';

/** Fails when a mark stands there in any form. `where` is what the failure names. */
export function expectUnmarked(where: string, what: string | Buffer): void {
  expect(marksIn(Buffer.from(what)), where).toEqual([]);
}

/** Every file of home and vault in the folder of a test's archive. */
export function filesOf(folder: string): string[] {
  return [join(folder, 'home'), join(folder, 'home-keys')].flatMap((path) =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
}

/** Fails when a mark stands in the raw bytes of home or vault. */
export function expectFilesUnmarked(folder: string): void {
  for (const file of filesOf(folder)) expectUnmarked(file, readFileSync(file));
}
