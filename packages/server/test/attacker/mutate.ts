import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Modules, modulesIn } from './modules.ts';

/** One exact replacement in a file below `src`. The snippet must occur exactly once. */
export type Patch = { file: string; find: string; replace: string };

/** The rooms that the key tree is made of. */
const rooms = ['keys', 'vault', 'model', 'lib'];
const packageFolder = join(import.meta.dirname, '../..');

/** Copies the rooms, patches the copy, loads its modules and hands them over; the copy is removed afterwards. */
export async function withMutant<T>(
  mutant: { name: string; patches: readonly Patch[] },
  use: (modules: Modules) => Promise<T>,
): Promise<T> {
  const folder = join(packageFolder, '.mutants', `${mutant.name.replaceAll(/[^a-z0-9]+/g, '-')}-${process.pid}`);
  try {
    for (const room of rooms) {
      cpSync(join(packageFolder, 'src', room), join(folder, room), {
        recursive: true,
        filter: (path) => !path.endsWith('.test.ts'),
      });
    }
    for (const patch of mutant.patches) apply(patch, join(folder, patch.file));
    return await use(await modulesIn(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function apply({ file, find, replace }: Patch, path: string): void {
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2) throw new Error(`${file} holds this ${parts.length - 1} times, not once:\n${find}`);
  writeFileSync(path, parts.join(replace));
}
