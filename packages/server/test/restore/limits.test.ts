/** What a restore cannot do, as docs/threat-model.md states it: each limit as it is, so that no page promises more. */
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { databaseFile } from '../../src/app-places.ts';
import { silentLog } from '../../src/lib/log.ts';
import { callerOf, type LifeCall, tenantSlug } from '../crash/life.ts';
import { purgeAll, Stage } from './stage.ts';

const kept: LifeCall = { session: 'kept', phone: '+15125550100', bytes: 0, hasTranscript: true };
const erased: LifeCall = { session: 'erased', phone: '+15125550101', bytes: 0, hasTranscript: true };

let stage: Stage;

beforeEach(async () => {
  stage = new Stage();
  await stage.process(async (at) => await stage.archive(at, kept, erased));
});
afterEach(() => stage.end());

const erase = async () =>
  await stage.process(async (at) => await purgeAll(at, { by: 'calls', ids: [stage.idOf(erased)] }));

describe('a limit:', () => {
  test('what had not been sealed when the database was lost is undone, and nobody can tell', async () => {
    const copy = stage.copy();
    await eraseAndDieUnsealed();
    stage.putBack(copy);
    expect(await stage.restore()).toMatchObject({ entries: 0, items: [] });
    await stage.expectStandings([
      [kept, 'whole'],
      [erased, 'whole'],
    ]);
  });

  test('home and vault that are put back together look like an archive that was never touched', async () => {
    const { home } = stage.config;
    const copies = [home, `${home}-keys`].map((from) => ({ from, to: join(stage.folder, `${from}-copy`) }));
    for (const { from, to } of copies) cpSync(from, to, { recursive: true });
    await erase();
    await stage.expectStandings([[erased, 'gone']]);
    for (const { from, to } of copies) {
      rmSync(from, { recursive: true });
      cpSync(to, from, { recursive: true });
    }
    await stage.expectStandings([
      [kept, 'whole'],
      [erased, 'whole'],
    ]);
  });

  test('without the vault nothing opens, and no command makes another vault for what is there', async () => {
    rmSync(`${stage.config.home}-keys`, { recursive: true });
    await expect(openApp(stage.config, { log: silentLog })).rejects.toMatchObject({ code: 'archive_mismatch' });
    await expect(openApp(stage.config, { log: silentLog })).rejects.toMatchObject({ code: 'archive_mismatch' });
  });

  test('an emptied home is refused while its vault is there, so that nobody starts anew by accident', async () => {
    rmSync(dirname(databaseFile(stage.config.home)), { recursive: true });
    await stage.expectRefused();
  });
});

/** Erases, and dies before the seal that would have told the vault. */
async function eraseAndDieUnsealed(): Promise<void> {
  const faults = {
    at(point: string) {
      if (point === 'seal:begun') throw new Error('the power went');
    },
  };
  const app = await openApp(stage.config, { clock: stage.clock, log: silentLog, faults });
  const { engine } = app;
  const tenant = await engine.store.reads.tenants.find({ slug: tenantSlug });
  if (tenant === undefined) throw new Error('no tenant');
  await purgeAll({ app, engine, caller: callerOf(tenant), stage }, { by: 'calls', ids: [stage.idOf(erased)] });
  await app.close();
}
