/** An archive that a test breaks under its clients, with a clock to let leases and pauses pass. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openApp } from '../../src/app.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { BlobStore } from '../../src/model/blob-store.ts';
import { expectAtRest, expectRetry, standingOf } from '../crash/invariants.ts';
import { archive, type LifeCall, type Standing } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlainClient } from './honest-answers.ts';

/** Longer than every lease and pause. */
const longMs = 10 * 60_000;

export type BrokenScene = {
  app: TestApp;
  client: PlainClient;
  /** Holds home and vault where the environment does not say otherwise. */
  folder: string;
  /** A call of a life, with a number of its own. */
  newCall(session: string): LifeCall;
  archived(call: LifeCall): Promise<string>;
  /** Purges one call over HTTP. */
  purge(callId: string): ReturnType<PlainClient['post']>;
  play(callId: string): ReturnType<PlainClient['get']>;
  /** Sets the clock forward, and no more. */
  pass(ms: number): void;
  /** Lets every lease and pause pass, and takes another token. */
  lapse(): Promise<void>;
  /** The same, until all that was begun has ended. */
  settle(): Promise<void>;
  expectStanding(call: LifeCall, standing: Standing): Promise<void>;
  /** Seals, closes, and looks at the archive as the next process finds it. */
  expectRest(): Promise<void>;
  /** Closes, where that has not been done, and removes the folder. */
  end(): Promise<void>;
};

export async function startBrokenScene(
  env: Record<string, string> = {},
  parts: { blobs?: BlobStore } = {},
): Promise<BrokenScene> {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-broken-'));
  let [lapsedMs, numbers] = [0, 5_550_000];
  const clock = { now: () => Date.now() + lapsedMs };
  const app = await startApp({ folder, clock, env: { TACET_BACKUP_HORIZON: '0', ...env }, ...parts });
  const client = new PlainClient(await app.listen(), await app.token());
  const { engine } = app;
  const scene: BrokenScene = {
    app,
    client,
    folder,
    newCall(session) {
      numbers += 1;
      return { session, phone: `+1512${numbers}`, bytes: 9000 };
    },
    archived: async (call) => (await archive(engine, app.caller(), call)).callId,
    purge: async (callId) => await client.post('/purge/v1/calls', { ids: [callId] }),
    play: async (callId) => await client.get(`/v1/calls/${callId}/recording`),
    pass(ms) {
      lapsedMs += ms;
    },
    async lapse() {
      scene.pass(longMs);
      await client.renew(app);
      engine.nudge();
    },
    async settle() {
      await scene.lapse();
      while ((await sweepAbandonedUploads(engine)) > 0);
      await untilQuiet(engine);
    },
    async expectStanding(call, standing) {
      expect(await standingOf(engine, app.caller(), call), call.session).toBe(standing);
      await expectRetry(engine, app.caller(), call, standing);
    },
    async expectRest() {
      await engine.rootKeys.seal();
      await engine.rootKeys.expire();
      await app.close();
      const looking = await openApp(app.config, { clock, log: silentLog, ...parts });
      await expectAtRest(looking, app.config);
      await looking.close();
    },
    async end() {
      await app.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return scene;
}
