/** A plan is executed by a process that dies between its gate and its end, and another one finishes it. */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import type { Caller } from '../../src/engine/context.ts';
import { openSubject } from '../../src/engine/plans/sealed-subject.ts';
import { silentLog } from '../../src/lib/log.ts';
import { newMigratedDatabase } from '../support/postgres-stores.ts';
import { programOf } from '../support/programs.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { expectAtRest, standingOf } from './invariants.ts';
import { callerOf, lifeConfig, tenantSlug } from './life.ts';
import { planned } from './native-plan.ts';
import { untilQuiet } from './quiet.ts';

const script = programOf(new URL('native-plan.child.ts', import.meta.url));
/** Whoever comes after a death comes when every lease of the dead has run out. */
const laterMs = 5 * 60_000;
const rowMsMax = 60_000;

/** From the gate to the end: before any key is destroyed, in the midst of it, after it. */
const points = [
  'erase:gated',
  'shred:rows-cleared',
  'shred:recorded',
  'shred:committed',
  'erase:shredded',
  'erase:sealed',
  'verify:recorded',
  'erase:completed',
];

function signalOf(point: string, ...args: string[]): Promise<NodeJS.Signals | null> {
  const env = { ...process.env, TACET_FAULT: point };
  const child = spawn(process.execPath, [script, ...args], { env, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (_code, signal) => resolve(signal));
  });
}

/** What the dead process left at its gate: nothing destroyed, and nothing that any surface returns. */
async function expectGated({ engine }: App): Promise<void> {
  const [erasure] = await engine.store.reads.erasures.page('', 9);
  expect(erasure).toMatchObject({ state: 'running', unreadableAt: expect.any(Number), shreddedAt: null });
  expect(await engine.store.reads.erasures.tally(erasure?.id ?? '')).toMatchObject({ planned: planned.length });
}

/** The one erasure there is has ended as if nobody had died over it. */
async function expectFinished({ engine }: App, caller: Caller): Promise<void> {
  const { reads } = engine.store;
  const [erasure, ...others] = await reads.erasures.page('', 9);
  expect([erasure?.state, others]).toEqual(['completed', []]);
  const { id = '', unreadableAt, shreddedAt, sealedAt, goneAt } = erasure ?? {};
  const items = await reads.erasures.items(id, { fromSeq: 0, limit: 9 });
  expect(items.map(({ state, outcome }) => [state, outcome])).toEqual(planned.map(() => ['verified', 'erased']));
  const times = [unreadableAt, shreddedAt, goneAt].map(Number);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(sealedAt).toBeGreaterThanOrEqual(Number(shreddedAt));
  expect(await openSubject(engine, { id })).toBeUndefined();
  expect(await reads.artifacts.ofOwner(id)).toEqual([]);
  for (const call of planned) expect(await standingOf(engine, caller, call)).toBe('gone');
  const audited = (await reads.audit.search(caller.tenant.id, { subjectId: id, limit: 99 })).rows.map(
    ({ event }) => event,
  );
  for (const event of ['erasure.started', 'erasure.completed']) {
    expect(audited.filter((one) => one === event)).toEqual([event]);
  }
}

async function expectRecovery(folder: string, point: string, env: Record<string, string>): Promise<void> {
  const config = lifeConfig(folder, env);
  const clock = { now: () => Date.now() + laterMs };
  const app = await openApp(config, { clock, log: silentLog });
  await app.prepare();
  if (point === 'erase:gated') await expectGated(app);
  app.startBackground(1);
  await untilQuiet(app.engine);
  const tenant = await app.engine.store.reads.tenants.find({ slug: tenantSlug });
  if (tenant === undefined) throw new Error('the dead process had no tenant');
  await expectFinished(app, callerOf(tenant));
  await app.engine.rootKeys.seal();
  await app.engine.rootKeys.expire();
  await app.close();
  const looking = await openApp(config, { clock, log: silentLog });
  await expectAtRest(looking, config);
  await looking.close();
}

async function dieAndRecover(point: string, database?: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-plan-'));
  try {
    expect(await signalOf(point, folder, ...(database === undefined ? [] : [database]))).toBe('SIGKILL');
    await expectRecovery(folder, point, database === undefined ? {} : { TACET_DATABASE_URL: database });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a plan whose process dies', () => {
  test.each(points)('at %s is finished by another, and was started once', { timeout: rowMsMax }, dieAndRecover);
});

describeWithPostgres('on PostgreSQL, a plan whose process dies', (server) => {
  test('between its gate and its shredding is finished by another', { timeout: rowMsMax }, async () => {
    const database = await newMigratedDatabase(server);
    try {
      await dieAndRecover('erase:gated', database.url);
    } finally {
      await database.remove();
    }
  });
});
