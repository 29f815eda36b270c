/** An archive whose database can be copied and put back, as an operator does with a backup. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { type App, type AppParts, openApp, openForRestore } from '../../src/app.ts';
import { databaseFile } from '../../src/app-places.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import type { PurgeSubject } from '../../src/engine/erasure/purge-subject.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import type { RestoreReport } from '../../src/engine/restore/report.ts';
import { restoreArchive } from '../../src/engine/restore/restore-archive.ts';
import { silentLog } from '../../src/lib/log.ts';
import { expectSlotsJournaledOnce, standingOf } from '../crash/invariants.ts';
import { archive, callerOf, type LifeCall, type Standing, tenantSlug } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';

export type Work = { app: App; engine: Engine; caller: Caller; stage: Stage };

/** A home in a folder of its own and a clock that can be set forward. Processes follow one another. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'tacet-restore-'));
  readonly config: Config;
  readonly env: Record<string, string>;
  readonly ids = new Map<LifeCall, string>();
  readonly #settings: Record<string, string>;
  #lapsedMs = 0;
  #copies = 0;

  /** Of another stage: what its disk has now, in a folder of its own. */
  static like(other: Stage): Stage {
    const stage = new Stage(other.#settings);
    rmSync(stage.folder, { recursive: true });
    cpSync(other.folder, stage.folder, { recursive: true });
    for (const [call, id] of other.ids) stage.ids.set(call, id);
    stage.lapse(other.#lapsedMs);
    return stage;
  }

  constructor(env: Record<string, string> = {}) {
    this.#settings = env;
    this.env = { TACET_HOME: join(this.folder, 'home'), TACET_BACKUP_HORIZON: '7d', ...env };
    this.config = readConfig(this.env);
  }

  readonly clock = { now: () => Date.now() + this.#lapsedMs };

  lapse(ms: number): void {
    this.#lapsedMs += ms;
  }

  /** A process with a worker, from its start to its orderly end, all of its jobs done and everything sealed. */
  async process<T>(work: (at: Work) => Promise<T>, parts: AppParts = {}): Promise<T> {
    return await this.unrested(async (at) => {
      const done = await work(at);
      await untilQuiet(at.engine);
      return done;
    }, parts);
  }

  /** The same of one whose jobs may still be there at its end. */
  async unrested<T>(work: (at: Work) => Promise<T>, parts: AppParts = {}): Promise<T> {
    const app = await openApp(this.config, { clock: this.clock, log: silentLog, ...parts });
    try {
      await app.prepare();
      const { engine } = app;
      const tenant =
        (await engine.store.reads.tenants.find({ slug: tenantSlug })) ??
        (await createTenant(engine, { slug: tenantSlug, region: 'US' }));
      app.startBackground(1);
      return await work({ app, engine, caller: callerOf(tenant), stage: this });
    } finally {
      await app.close();
    }
  }

  async archive({ engine, caller }: Work, ...calls: LifeCall[]): Promise<void> {
    for (const call of calls) this.ids.set(call, (await archive(engine, caller, call)).callId);
  }

  idOf(call: LifeCall): string {
    const id = this.ids.get(call);
    if (id === undefined) throw new Error(`${call.session} was never archived`);
    return id;
  }

  /** A copy of the database's files, as a snapshot of the disk would have them. Nothing may write meanwhile. */
  copy(): string {
    this.#copies += 1;
    const copy = join(this.folder, `copy-${this.#copies}`);
    cpSync(dirname(databaseFile(this.config.home)), copy, { recursive: true });
    return copy;
  }

  putBack(copy: string): void {
    const folder = dirname(databaseFile(this.config.home));
    rmSync(folder, { recursive: true });
    cpSync(copy, folder, { recursive: true });
  }

  /** Every command but a restore refuses the database. */
  async expectRefused(): Promise<void> {
    await expect(openApp(this.config, { clock: this.clock, log: silentLog })).rejects.toMatchObject({
      code: 'archive_restored',
    });
  }

  async restore(parts: AppParts = {}): Promise<RestoreReport> {
    const app = await openForRestore(this.config, { clock: this.clock, log: silentLog, ...parts });
    try {
      return await restoreArchive(app.engine, () => undefined);
    } finally {
      await app.close();
    }
  }

  /** Puts a copy back, is refused, restores, and expects that everything was verified and that the archive is whole. */
  async restoreFrom(copy: string): Promise<RestoreReport> {
    this.putBack(copy);
    await this.expectRefused();
    const report = await this.restore();
    expect(report).toMatchObject({ unverified: 0 });
    await this.expectSound();
    return report;
  }

  /** The archive opens, and everything in it agrees. */
  async expectSound(): Promise<void> {
    await this.process(async ({ engine }) => {
      expect((await fsck(engine)).problems).toEqual([]);
      await expectSlotsJournaledOnce(engine);
    });
  }

  /** How calls stand, every artifact of them opened and compared bit for bit. */
  async expectStandings(expected: readonly (readonly [LifeCall, Standing])[]): Promise<void> {
    await this.process(async ({ engine, caller }) => {
      for (const [call, standing] of expected) {
        expect(await standingOf(engine, caller, call), call.session).toBe(standing);
      }
    });
  }

  /** Every file below the home and its vault with a digest of what is in it. */
  digests(): Map<string, string> {
    const files = readdirSync(this.folder, { recursive: true, withFileTypes: true });
    return new Map(
      files
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function purgeAll({ engine, caller }: Work, subject: PurgeSubject): Promise<void> {
  await purge(engine, caller, subject, { whatIf: false, waitMs: 10_000 });
}

export async function erase(
  { engine, caller, stage }: Work,
  action: 'depersonalize' | 'delete-recording',
  call: LifeCall,
  keepRecording = false,
): Promise<void> {
  const started = await eraseNow(engine, caller, { action, keepRecording, callIds: [stage.idOf(call)] });
  await started?.shredded;
}
