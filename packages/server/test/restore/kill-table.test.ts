/** `tacet restore --from`, killed at every one of its steps: nobody else may work until one has come to its end. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { faultPoints } from '../crash/fault-points.ts';
import { cast, type LifeCall } from '../crash/life.ts';
import { earlyEvents, lateEvents, openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import { startTacet } from '../support/tacet-process.ts';
import { erase, purgeAll, Stage } from './stage.ts';
import { tacet } from './tacet.ts';

const points = faultPoints().filter((point) => point.startsWith('restore:'));
/** Once these have passed, the home has the backup's database; before, it has the one that was there. */
const beforeReplacing = ['restore:copied'];
/** The database's folder has neither: every command refuses because of the vault. */
const between = ['restore:moved-aside'];
const rowMsMax = 60_000;
/** Calls whose events, all in the backup, are not to come back: erased after it, or gone with a call that came after it. */
const silenced: readonly LifeCall[] = [cast.purged, cast.depersonalized, cast.foretold, cast.aborted];
const events = [...earlyEvents, ...lateEvents];

const life = new Stage();
const backup = join(life.folder, 'backup');
await life.process(async (at) => {
  const { kept, purged, purgedChat, depersonalized, muted, held } = cast;
  for (const event of earlyEvents) await sendEvent(at.engine, at.caller, event);
  await at.stage.archive(at, kept, purged, purgedChat, depersonalized, muted, held);
  for (const event of lateEvents) await sendEvent(at.engine, at.caller, event);
});
await tacet(life, ['backup', backup]);
await life.process(async (at) => {
  await purgeAll(at, { by: 'calls', ids: [at.stage.idOf(cast.purged)] });
  await erase(at, 'depersonalize', cast.depersonalized, true);
  // Archived after the backup: its bytes go, and its session stays refused.
  await at.stage.archive(at, cast.aborted, cast.purgedTwice);
  await purgeAll(at, { by: 'calls', ids: [at.stage.idOf(cast.purgedTwice)] });
  await purgeAll(at, { by: 'sessions', ids: [cast.foretold.session] });
});

afterAll(() => life.end());

describe.concurrent('a restore killed at', () => {
  test.each(points)('%s keeps everybody out, and the next one finishes it', { timeout: rowMsMax }, async (point) => {
    const stage = Stage.like(life);
    try {
      const asked = ['restore', '--from', backup];
      const killed = await startTacet(asked, { ...stage.env, TACET_FAULT: point }).ended;
      expect(killed, killed.errors).toMatchObject({ signal: 'SIGKILL' });
      if (!beforeReplacing.includes(point)) {
        const refused = await startTacet(['keys', 'status'], stage.env).ended;
        expect(refused, refused.errors).toMatchObject({ code: 7 });
      }
      // Without a database there is nothing to go on with; otherwise the one in the home is finished as it stands.
      const again = between.includes(point) || beforeReplacing.includes(point) ? asked : ['restore'];
      const report = await tacet(stage, again);
      expect(report).toMatchObject({ verified: true, itemsUnverified: 0 });
      await stage.expectSound();
      await stage.expectStandings([
        [cast.kept, 'whole'],
        [cast.purgedChat, 'whole'],
        [cast.held, 'whole'],
        [cast.muted, 'whole'],
        [cast.purged, 'gone'],
        [cast.purgedTwice, 'gone'],
        [cast.depersonalized, 'depersonalized'],
        [cast.aborted, 'absent'],
        [cast.foretold, 'gone'],
      ]);
      await stage.process(async ({ engine }) => {
        const left = events.filter(({ call }) => !silenced.includes(call));
        expect([...(await openedEvents(engine)).keys()].sort()).toEqual(left.map(wordsOf).sort());
      });
    } finally {
      await rm(stage.folder, { recursive: true, force: true });
    }
  });
});
