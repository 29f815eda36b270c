import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CreovaiClient } from './creovai-client.ts';
import { startApp, type TestApp } from './harness.ts';
import { HookedFaults } from './hooked-faults.ts';

/** An archive with a client on real HTTP, a clock that a test can set forward, and hooks at the fault points. */
export type Scene = {
  app: TestApp;
  client: CreovaiClient;
  faults: HookedFaults;
  /** Sets the clock forward. */
  lapse(ms: number): void;
  /** What `archived` archives. */
  audio: Buffer;
  /** Archives a call and returns its id. */
  archived(session: string, phone: string, bytes?: Buffer): Promise<string>;
  /** The recording is served, bit for bit. */
  expectPlays(callId: string): Promise<void>;
  storedBlobs(): Promise<string[]>;
  /** Waits until all is done, expects a clean `fsck`, and closes. */
  end(): Promise<void>;
};

/** `workers: 0` where a test is the only one to take over what others began. */
export async function startScene(options: { workers?: number } = {}): Promise<Scene> {
  let lapsedMs = 0;
  const faults = new HookedFaults();
  const clock = { now: () => Date.now() + lapsedMs };
  const app = await startApp({ faults, clock, env: { TACET_BACKUP_HORIZON: '0' }, ...options });
  const client = new CreovaiClient(await app.listen(), await app.token());
  const audio = randomBytes(200_000);
  return {
    app,
    client,
    faults,
    audio,
    lapse(ms) {
      lapsedMs += ms;
    },
    async archived(session, phone, bytes = audio) {
      const { status, callId = '' } = await client.archive(session, phone, bytes);
      expect(status).toBe(200);
      return callId;
    },
    async expectPlays(callId) {
      const answer = await client.recording(callId);
      expect(answer.status).toBe(200);
      expect(Buffer.from(await answer.arrayBuffer()).equals(audio)).toBe(true);
    },
    async storedBlobs() {
      const names: string[] = [];
      for await (const blob of app.engine.blobs.list()) names.push(blob.name);
      return names;
    },
    async end() {
      await untilQuiet(app.engine);
      expect((await fsck(app.engine)).problems).toEqual([]);
      await app.close();
    },
  };
}
