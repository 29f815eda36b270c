/** An archive whose clock a test sets, in a folder that outlives its processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, type AppParts, openApp } from '../../src/app.ts';
import { chainAudit } from '../../src/engine/audit/chain-audit.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import { silentLog } from '../../src/lib/log.ts';
import { expectAtRest } from '../crash/invariants.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';

export const minuteMs = 60_000;
export const dayMs = 24 * 60 * minuteMs;

/** Every lease, pause and horizon 0 of whatever time is over by then. */
const farMs = 400 * dayMs;

export type TimedArchive = {
  app: TestApp;
  faults: HookedFaults;
  /** One round of what a process does every ten seconds. */
  upkeep: Upkeep;
  /** Sets the clock forward, or back. */
  lapse(ms: number): void;
  /** A client with a fresh token: one issued before a jump may be none after it. */
  client(): Promise<CreovaiClient>;
  /** Another process on the same home; its clock runs `aheadMs` ahead of this one's. Dies with the archive at the latest. */
  neighbour(options?: { aheadMs?: number; workers?: number; parts?: AppParts }): Promise<App>;
  /** Closes it, and looks with a later process at all that must hold of an archive at rest. Removes it. */
  endAtRest(): Promise<void>;
};

/** With one worker, short leases, and horizon 0 unless the environment says otherwise. */
export async function startTimed(env: Record<string, string> = {}, parts: AppParts = {}): Promise<TimedArchive> {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-time-'));
  let lapsedMs = 0;
  const clock = { now: () => Date.now() + lapsedMs };
  const faults = new HookedFaults();
  const settings = { TACET_BACKUP_HORIZON: '0', TACET_UPLOAD_LEASE: '1s', TACET_JOB_LEASE: '1s', ...env };
  const app = await startApp({ folder, faults, clock, env: settings, ...parts });
  const neighbours = new Set<App>();
  return {
    app,
    faults,
    upkeep: new Upkeep(app.engine),
    lapse(ms) {
      lapsedMs += ms;
    },
    async client() {
      return new CreovaiClient(app.http.server.listening ? urlOf(app) : await app.listen(), await app.token());
    },
    async neighbour({ aheadMs = 0, workers = 0, parts: theirs = {} } = {}) {
      const ahead = { now: () => clock.now() + aheadMs };
      const other = await openApp(app.config, { clock: ahead, log: silentLog, ...parts, ...theirs });
      neighbours.add(other);
      await other.prepare();
      if (workers > 0) other.startBackground(workers);
      return other;
    },
    async endAtRest() {
      for (const one of neighbours) await one.close().catch(() => undefined);
      await app.close();
      const later = { now: () => Date.now() + farMs };
      // At rest only the named root key lives, whatever the horizon was.
      const looking = await openApp({ ...app.config, horizonMs: 0 }, { clock: later, log: silentLog, ...parts });
      await looking.prepare();
      await looking.engine.rootKeys.seal();
      await looking.engine.rootKeys.expire();
      // What a process that lives on does within ten seconds.
      await chainAudit(looking.engine);
      await expectAtRest(looking, app.config);
      await looking.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function urlOf(app: TestApp): string {
  const address = app.http.server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen on a port');
  return `http://127.0.0.1:${address.port}`;
}

/** A process that dies: it gives nothing back, seals nothing, and renews no lease. */
export async function die(app: App): Promise<void> {
  await app.engine.store.close();
}
