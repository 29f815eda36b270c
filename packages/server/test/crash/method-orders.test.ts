/** Twin24's methods, one after another on one call, cut short by a death at each of their fault points. */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import type { Caller } from '../../src/engine/context.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { erase, expectTable, type MethodStage, stageStates } from '../support/method-stage.ts';
import { programOf } from '../support/programs.ts';
import type { ErasingMethod } from '../support/twin-erasing.ts';
import { faultPoints } from './fault-points.ts';
import { expectAtRest } from './invariants.ts';
import { callerOf, lifeConfig, tenantSlug } from './life.ts';
import { methodLedger } from './method-ledger.ts';
import { untilQuiet } from './quiet.ts';

/** One row: a life, a death, a restart. Generous, since rows wait for a processor. */
const rowMsMax = 60_000;
/** Whoever comes after a death comes when every lease of the dead has run out. */
const laterMs = 5 * 60_000;

const script = programOf(new URL('methods.child.ts', import.meta.url));
/** Two methods, and in which of them the process dies: each method is one of those. */
const lives: { one: ErasingMethod; two: ErasingMethod; dies: 1 | 2 }[] = [
  { one: 'R', two: 'C1', dies: 1 },
  { one: 'C1', two: 'K0', dies: 1 },
  { one: 'C1', two: 'C0', dies: 2 },
  { one: 'K1', two: 'R', dies: 1 },
  { one: 'C0', two: 'K0', dies: 2 },
];
const points = faultPoints().filter((point) => /^(erase|shred|remove|verify):/.test(point));
const rows = lives.flatMap((life) => points.map((point) => ({ ...life, point })));

describe('a life of two methods', () => {
  let reached: Record<string, number> = {};

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tacet-methods-'));
    const { code, output, errors } = await live(folder, ['K1', 'C0'], {});
    expect(code, errors).toBe(0);
    // Printed by the life's own last line.
    reached = JSON.parse(output) as Record<string, number>;
    await rm(folder, { recursive: true });
  }, rowMsMax);

  test.each(points)('comes to %s once in each', (point) => {
    expect(reached[point], `the life of ${script}`).toBe(2);
  });
});

describe.concurrent('after a death', () => {
  test.each(rows)(
    'in $one, $two (number $dies at $point) what was begun is finished as the table says, and a repeat finishes all',
    { timeout: rowMsMax },
    async ({ one, two, dies, point }) => {
      const folder = mkdtempSync(join(tmpdir(), 'tacet-methods-'));
      try {
        const ended = await live(folder, [one, two], { TACET_FAULT: `${point}#${dies}` });
        expect(ended, ended.errors).toMatchObject({ signal: 'SIGKILL' });
        await expectRecovery(folder, [one, two], isBegun(point) ? dies : dies - 1);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});

/** The commit of the gate begins an erasure: from there on it comes to its end, and before there was nothing. */
function isBegun(point: string): boolean {
  return point !== 'erase:planned';
}

/**
 * A second process: takes the home over, ends what was begun, finds the first `done` methods carried out and nothing else,
 * and is asked for all of them again.
 */
async function expectRecovery(folder: string, methods: readonly ErasingMethod[], done: number): Promise<void> {
  const config = lifeConfig(folder);
  const clock: Clock = { now: () => Date.now() + laterMs };
  const [made, ...answered] = methodLedger(folder).read();
  if (made?.did !== 'made') throw new Error('the process died before it came to its methods');
  const app = await openApp(config, { clock, log: silentLog });
  const caller = await takeOver(app);
  const look = async () => await stageStates(app.engine, caller.tenant.id, made.stage);
  expect(answered.length, 'what was answered is done').toBeLessThanOrEqual(done);
  expectTable(methods.slice(0, done), made.states, await look());
  await repeat(app, caller, methods, made.stage);
  expectTable(methods, made.states, await look());
  await app.engine.rootKeys.seal();
  await app.engine.rootKeys.expire();
  await app.close();
  const looking = await openApp(config, { clock, log: silentLog });
  await expectAtRest(looking, config);
  await looking.close();
}

async function takeOver(app: App): Promise<Caller> {
  await app.prepare();
  app.startBackground(1);
  await untilQuiet(app.engine);
  const tenant = await app.engine.store.reads.tenants.find({ slug: tenantSlug });
  if (tenant === undefined) throw new Error('the tenant is no longer there');
  return callerOf(tenant);
}

/** Whoever heard no answer asks again. */
async function repeat(app: App, caller: Caller, methods: readonly ErasingMethod[], stage: MethodStage): Promise<void> {
  for (const method of methods) await erase(app.engine, caller, method, stage);
  await Promise.all(app.engine.background);
  await untilQuiet(app.engine);
}

type Ended = { signal: NodeJS.Signals | null; code: number | null; output: string; errors: string };

function live(folder: string, methods: readonly ErasingMethod[], env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [script, folder, ...methods], {
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
