/** Another process that uses a home: `HOME shared|alone`. Says `held`, and holds on until it is told to go or is killed. */
import { once } from 'node:events';
import { codeOf } from '../../src/model/errors.ts';
import { type HomeUse, holdHome } from '../../src/store/home-lock.ts';

const [home = '', use = ''] = process.argv.slice(2);

try {
  const lock = await holdHome(home, use as HomeUse);
  process.send?.('held');
  await once(process, 'message');
  await lock.release();
} catch (error) {
  process.send?.(codeOf(error));
}
process.disconnect();
