/** Programs that tests start as processes of their own, bundled before the first test (`programs.setup.ts`). */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Names the variable that tells the workers of vitest where the programs are. */
export const programsFolder = 'TACET_TEST_PROGRAMS';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What `node` runs for a source file, `src/main.ts` or a `*.child.ts`, given by its URL. */
export function programOf(source: URL): string {
  const folder = process.env[programsFolder];
  if (folder === undefined) throw new Error('the programs have not been built');
  return `${folder}/${relative(root, fileURLToPath(source)).replace(/\.ts$/, '.js')}`;
}
