import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { sweepLateArtifacts } from '../../src/engine/calls/late-artifacts.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import { programOf } from '../support/programs.ts';
import { faultPoints } from './fault-points.ts';
import { expectAtRest, expectRetry, standingOf } from './invariants.ts';
import { callerOf, cast, type LifeCall, ledgerOf, lifeConfig, possibleStandings, tenantSlug } from './life.ts';
import { expectCampaign } from './life-campaign.ts';
import { expectEvents, expectEventsAgain, toldBy } from './life-events.ts';
import { expectLate } from './life-late.ts';
import { untilQuiet } from './quiet.ts';

/** Lives at once: each waits for its seals about as long as it works. */
const lanes = 3;
/** One row: a life, a death, a restart. Generous, since rows wait for a lane. */
const rowMsMax = 60_000;
/** Whoever comes after a death comes when every lease of the dead has run out. */
const laterMs = 5 * 60_000;

const script = programOf(new URL('life.child.ts', import.meta.url));
const lifeCalls: readonly LifeCall[] = Object.values(cast);
const points = faultPoints().filter((point) => !isElsewhere(point));
const counted = await countedLife();
const rows = points.flatMap((point) => occasionsOf(counted[point] ?? 0).map((time) => ({ point, time })));

describe('the kill table', () => {
  test.each(points)('reaches %s', (point) => {
    expect(counted[point] ?? 0, `no step of ${script} comes to the fault point ${point}`).toBeGreaterThan(0);
  });
});

describe.concurrent('after a death at', () => {
  test.each(rows)(
    '$point, time $time, the next process finds and finishes everything',
    { timeout: rowMsMax },
    async (row) => {
      await inLane(async () => {
        const folder = mkdtempSync(join(tmpdir(), 'tacet-kill-'));
        try {
          const ended = await live(folder, { TACET_FAULT: `${row.point}#${row.time}` });
          expect(ended, ended.errors).toMatchObject({ signal: 'SIGKILL' });
          await expectRecovery(folder);
        } finally {
          await rm(folder, { recursive: true });
        }
      });
    },
  );
});

/** The steps of a restore, and of a move, have a table of their own: `test/restore` and `test/move`. */
function isElsewhere(point: string): boolean {
  return /^(restore|move):/.test(point);
}

/** The first time a point is reached; one in the middle too where there are many; two of what every step comes by. */
function occasionsOf(times: number): number[] {
  if (times === 0) return [];
  if (times <= 4) return [1];
  const wanted = times > 50 ? [0.3, 0.8] : [0.55];
  return [1, ...wanted.map((share) => Math.ceil(times * share))];
}

/** A second process: takes the home over, ends what was begun, and looks at everything. */
async function expectRecovery(folder: string): Promise<void> {
  const config = lifeConfig(folder);
  const clock: Clock = { now: () => Date.now() + laterMs };
  const failures: string[] = [];
  const app = await openApp(config, { clock, log: failureLog(failures) });
  await finishOff(app);
  const deeds = ledgerOf(folder).read();
  const tenant = await app.engine.store.reads.tenants.find({ slug: tenantSlug });
  const caller = callerOf(tenant ?? (await createTenant(app.engine, { slug: tenantSlug, region: 'US' })));
  for (const call of lifeCalls) {
    const standing = await standingOf(app.engine, caller, call);
    expect([...possibleStandings(call.session, deeds)], `standing of ${call.session}`).toContain(standing);
    await expectEvents(app.engine, call, standing, toldBy(deeds));
    await expectRetry(app.engine, caller, call, standing);
    const expected = standing === 'absent' ? 'whole' : standing;
    expect(await standingOf(app.engine, caller, call), `${call.session} after a retry`).toBe(expected);
    await expectEventsAgain(app.engine, caller, call, expected, toldBy(deeds));
  }
  await expectLate(app.engine, caller, deeds);
  expect(await app.engine.store.reads.calls.anyAwaited(caller.tenant.id), 'events that still wait').toBe(false);
  await expectCampaign(app.engine, caller);
  await app.engine.rootKeys.seal();
  await app.engine.rootKeys.expire();
  await app.close();
  expect(failures).toEqual([]);
  const looking = await openApp(config, { clock, log: silentLog });
  await expectAtRest(looking, config);
  await looking.close();
}

async function finishOff(app: App): Promise<void> {
  await app.prepare();
  app.startBackground(1);
  while ((await sweepAbandonedUploads(app.engine)) > 0);
  await sweepLateArtifacts(app.engine);
  await untilQuiet(app.engine);
}

/** Recovering meets nothing that is worth a warning. */
function failureLog(failures: string[]): Log {
  const note = (event: string, fields?: object) => {
    // A slow reader was in the way of emptying the log, which is tried again.
    if (event !== 'checkpoint.busy') failures.push(JSON.stringify({ event, ...fields }));
  };
  return { info: () => undefined, warn: note, error: note };
}

type Ended = { signal: NodeJS.Signals | null; code: number | null; output: string; errors: string };

function live(folder: string, env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [script, folder], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ signal, code, output, errors }));
  });
}

/** A life that nobody cuts short, and how often it came to each point. */
async function countedLife(): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-kill-'));
  const { code, output, errors } = await live(folder, {});
  if (code !== 0) throw new Error(`the life does not even end well: ${errors}`);
  await rm(folder, { recursive: true });
  // Printed by the life's own last line.
  return JSON.parse(output) as Record<string, number>;
}

const waiting: (() => void)[] = [];
let running = 0;

async function inLane(work: () => Promise<void>): Promise<void> {
  if (running >= lanes) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}
