/** `tacet move`, killed at every one of its steps: there is never more than one archive, and in the end it is whole. */
import { afterAll, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { silentLog } from '../../src/lib/log.ts';
import { codeOf } from '../../src/model/errors.ts';
import { faultPoints } from '../crash/fault-points.ts';
import { cast, type LifeCall, type Standing } from '../crash/life.ts';
import { purgeAll, Stage } from '../restore/stage.ts';
import { describeWithServers, type Servers } from '../support/servers.ts';
import { startTacet } from '../support/tacet-process.ts';
import { move, movedStage, newTarget, type Target, versionsIn } from './moves.ts';

const { kept, keptChat, held, purged, purgedTwice } = cast;
const wholeMsMax = 300_000;

/** Who may open the archive after a death: whoever has the old settings, nobody, or whoever has the new ones. */
type Open = 'source' | 'nobody' | 'target';

/** Deaths in the order in which one move comes to them; each next run goes on where the last one died. */
const deaths: readonly (readonly [point: string, open: Open])[] = [
  ['move:begun', 'source'],
  ['move:recording-copied', 'source'],
  ['move:recordings-copied', 'source'],
  ['move:rows-written#2', 'source'],
  ['move:rows-copied', 'source'],
  ['move:closed', 'nobody'],
  ['move:last-recordings-copied', 'nobody'],
  ['move:rows-written', 'nobody'],
  ['move:last-rows-copied', 'nobody'],
  ['move:archive-copied', 'nobody'],
  ['seal:begun', 'nobody'],
  ['seal:vault-written', 'nobody'],
  ['seal:row-written', 'nobody'],
  ['seal:committed', 'nobody'],
  ['restore:bytes-swept', 'nobody'],
  ['move:settled', 'nobody'],
  ['move:arrived', 'target'],
];

/** Of these the very next run has to come to the end. At the last but one the vault's head has just got its name. */
const worst = ['move:closed', 'move:archive-copied', 'seal:committed', 'vault-create:renamed#2', 'move:settled'];
/** From then on there is no way back. */
const tooLate = worst.slice(-2);

const stages: Stage[] = [];
const targets: Target[] = [];
afterAll(async () => {
  for (const stage of stages) stage.end();
  for (const target of targets) await target.remove();
});

async function archived(servers: Servers): Promise<{ stage: Stage; target: Target }> {
  const [stage, target] = [new Stage(), await newTarget(servers)];
  stages.push(stage);
  targets.push(target);
  await stage.process(async (at) => {
    await stage.archive(at, kept, keptChat, held, purged);
    await purgeAll(at, { by: 'sessions', ids: [purged.session] });
  });
  return { stage, target };
}

const afterwards: readonly (readonly [LifeCall, Standing])[] = [
  [kept, 'whole'],
  [keptChat, 'whole'],
  [held, 'gone'],
  [purged, 'gone'],
  [purgedTwice, 'gone'],
];

async function killedAt(point: string, stage: Stage, target: Target): Promise<void> {
  const env = { ...stage.env, ...target.credentials, TACET_FAULT: point };
  const killed = await startTacet(['move', ...target.args], env).ended;
  expect(killed.signal, `${point}: ${killed.output}${killed.errors}`).toBe('SIGKILL');
}

async function expectOpen(open: Open, stage: Stage, target: Target): Promise<void> {
  const answerOf = async (env: Record<string, string>) => {
    try {
      await (await openApp(readConfig(env), { log: silentLog })).close();
      return 'opens';
    } catch (error) {
      return codeOf(error);
    }
  };
  const answers = [await answerOf(stage.env), await answerOf({ ...stage.env, ...target.env })];
  const expected: Record<Open, string[]> = {
    source: ['opens', 'archive_moved'],
    nobody: ['archive_moved', 'archive_moved'],
    target: ['archive_moved', 'opens'],
  };
  expect(answers).toEqual(expected[open]);
}

async function purgeMeanwhile(stage: Stage): Promise<void> {
  await stage.process(async (at) => {
    await stage.archive(at, purgedTwice);
    await purgeAll(at, { by: 'sessions', ids: [purgedTwice.session, held.session] });
  });
}

async function expectWhole(stage: Stage, target: Target): Promise<void> {
  const moved = movedStage(stage, target);
  await moved.expectSound();
  await moved.expectStandings(afterwards);
  const stored = await versionsIn(target.bucket);
  expect(stored.filter((key) => key.includes(stage.idOf(kept)))).toHaveLength(1);
  expect(stored.filter((key) => key.includes(stage.idOf(held)))).toEqual([]);
}

test('every step of a move is among the deaths', () => {
  const steps = faultPoints().filter((point) => point.startsWith('move:'));
  const died = new Set(deaths.map(([point]) => point.replace(/#\d+$/, '')));
  expect(steps.filter((step) => !died.has(step))).toEqual([]);
});

describeWithServers('a move killed at', (servers) => {
  test('every step, one after the other, comes to its end', { timeout: wholeMsMax }, async () => {
    const { stage, target } = await archived(servers);
    for (const [point, open] of deaths) {
      await killedAt(point, stage, target);
      await expectOpen(open, stage, target);
      // Its recording is in the bucket by now.
      if (point === 'move:recordings-copied') await purgeMeanwhile(stage);
    }
    expect(await move(stage, target)).toMatchObject({ moved: true, clean: true });
    await expectWhole(stage, target);
  });

  test.each(worst)('%s comes to its end at once', { timeout: wholeMsMax }, async (point) => {
    const { stage, target } = await archived(servers);
    await purgeMeanwhile(stage);
    await killedAt(point, stage, target);
    if (tooLate.includes(point)) {
      const { code, errors } = await startTacet(['move', '--cancel'], stage.env).ended;
      expect([code, errors]).toEqual([11, expect.stringContaining('Too late to cancel')]);
    }
    expect(await move(stage, target)).toMatchObject({ moved: true, clean: true });
    await expectWhole(stage, target);
  });
});
