import { readdir, readFile, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { flipped } from './damage.ts';
import { type Lived, liveALittle, openCopy, openCopyOfTwoVaults } from './lived-archive.ts';

let lived: Lived;
beforeAll(async () => {
  lived = await liveALittle();
});
afterAll(async () => await lived.forget());

it('a seal that has reached the first of two folders is work in progress, and not damage', async () => {
  const faults = new HookedFaults();
  const at = await openCopyOfTwoVaults(lived, { faults });
  const { reached, goOn } = faults.stop('vault-create:renamed');
  const sealing = at.engine.rootKeys.seal();
  await reached;
  const { vault } = at.engine;
  const inspect = vault.inspect.bind(vault);
  const looks: number[] = [];
  vault.inspect = async () => {
    const found = await inspect();
    looks.push(found.length);
    goOn();
    return found;
  };
  expect(await fsck(at.engine)).toMatchObject({ clean: true, problems: [] });
  expect(looks).toEqual([1, 0]);
  await sealing;
  await at.close();
});

it('a locked root key cut short is found, though nobody here could open it', async () => {
  const recipient = await identityToRecipient(await generateX25519Identity());
  const at = await openCopy(lived, {}, { TACET_RECOVERY_KEY: recipient });
  const file = (await readdir(at.vault)).find((name) => name.startsWith('locked-')) ?? '';
  await truncate(join(at.vault, file), 0);
  const { problems } = await fsck(at.engine);
  expect(problems).toEqual([{ code: 'vault_copy_damaged', what: `folder 1: ${file}` }]);
  await at.close();
});

it('a topmost page that does not open is reported where a recovery key was newly set, too', async () => {
  const hurt = await openCopy(lived);
  hurt.sql('UPDATE archive SET page = ?', flipped(hurt.value('SELECT page FROM archive')));
  const recipient = await identityToRecipient(await generateX25519Identity());
  const at = await openCopy({ ...lived, folder: dirname(hurt.home) }, {}, { TACET_RECOVERY_KEY: recipient });
  const { problems } = await fsck(at.engine);
  expect(problems).toEqual([{ code: 'page_damaged', what: 'page 4/0' }]);
  await at.close();
  await hurt.close();
});

it('a repair writes nothing over a damaged copy', async () => {
  const at = await openCopyOfTwoVaults(lived);
  const file = (await readdir(at.secondVault)).find((name) => name.startsWith('segment-')) ?? '';
  await truncate(join(at.secondVault, file), 10);
  expect(await fsck(at.engine, { repair: true })).toMatchObject({ clean: false, repairs: [] });
  expect(await readFile(join(at.secondVault, file))).toHaveLength(10);
  await at.close();
});
