import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Hold } from '../../src/model/erasure.ts';
import { AppError } from '../../src/model/errors.ts';
import type { LifeCall } from '../crash/life.ts';
import { until } from '../support/until.ts';
import { type BrokenScene, startBrokenScene } from './broken-scene.ts';
import { type Answer, expectTryLater } from './honest-answers.ts';
import { mountSmallDisk, noSmallDisk, type SmallDisk } from './small-disk.ts';

const kib = 1024;
/** More than a life needs: a disk with so much left is not full. */
const enoughKib = 4096;
const audio = Buffer.alloc(60_000, 'a recording ');
const phone = '+15125550148';

let disk: SmallDisk;
let scene: BrokenScene | undefined;

afterEach(async () => {
  disk.clear();
  await scene?.end();
  scene = undefined;
  disk.unmount();
});

/** An archive with its home on the small disk and its vault elsewhere, or the other way round. */
async function startOnDisk(what: 'TACET_HOME' | 'TACET_KEYS_DIR'): Promise<BrokenScene> {
  const started = await startBrokenScene({ [what]: join(disk.folder, 'on-disk') });
  scene = started;
  return started;
}

type Tried = { archived: Answer; purged: Answer; isHeld: boolean; isSealed: boolean };

/** One round: calls from before the disk was full, and what was tried while it was. */
class Round {
  readonly #scene: BrokenScene;
  readonly #name: string;
  readonly #purged: LifeCall;
  readonly #held: LifeCall;
  #purgedId = '';
  #heldId = '';
  #hold: Hold | undefined;

  constructor(on: BrokenScene, name: string) {
    this.#scene = on;
    this.#name = name;
    this.#purged = on.newCall(`${name}-purged`);
    this.#held = on.newCall(`${name}-held`);
  }

  async prepare(): Promise<void> {
    this.#purgedId = await this.#scene.archived(this.#purged);
    this.#heldId = await this.#scene.archived(this.#held);
    // The log as short as it gets: what comes now needs the space itself.
    await until(async () => await this.#scene.app.engine.store.checkpoint());
  }

  /** Tries everything while the disk is full, and looks at each answer. */
  async tryAll(): Promise<Tried> {
    const { app, client } = this.#scene;
    const archived = await client.archive(`${this.#name}-new`, phone, audio);
    if (archived.status !== 200) {
      expectTryLater(archived, 'creovai');
      expect(await client.statusOf(`${this.#name}-new`)).not.toBe('Complete');
    }
    const purged = await this.#scene.purge(this.#purgedId);
    const playing = await this.#scene.play(this.#purgedId);
    if (purged.status === 200) expect(playing.status, 'what is said to be purged cannot be opened').toBe(404);
    else expectTryLater(purged, 'creovai');
    expect([200, 404]).toContain(playing.status);
    const isHeld = await goesWell(async () => {
      const hold = { callIds: [this.#heldId], identifiers: [], from: null, to: null, reviewAt: null };
      this.#hold = await placeHold(app.engine, app.caller(), { ...hold, reason: 'a court asked' });
    });
    if (isHeld) await this.#expectHeld();
    const isSealed = await goesWell(async () => void (await app.engine.rootKeys.seal()));
    return { archived, purged, isHeld, isSealed };
  }

  /** With space again: what was answered stands, and what was refused goes well, all in the same process. */
  async expectAmends(tried: Tried): Promise<void> {
    const { app, client } = this.#scene;
    await this.#scene.settle();
    const session = `${this.#name}-new`;
    expect(await client.statusOf(session)).toBe(tried.archived.status === 200 ? 'Complete' : 'NotFound');
    const again = await client.archive(session, phone, audio);
    expect(again.status, again.body).toBe(200);
    if (tried.archived.status === 200) expect(again.body).toBe(tried.archived.body);
    const { callId } = JSON.parse(again.body) as { callId: string };
    expect((await this.#scene.play(callId)).body).toBe(audio.toString());
    expect((await this.#scene.purge(this.#purgedId)).status).toBe(200);
    await this.#scene.settle();
    await this.#scene.expectStanding(this.#purged, 'gone');
    await this.#scene.expectStanding(this.#held, 'whole');
    if (tried.isHeld) await this.#expectHeld();
    if (this.#hold !== undefined) await releaseHold(app.engine, app.caller(), this.#hold.id);
  }

  async #expectHeld(): Promise<void> {
    const { status, body } = await this.#scene.purge(this.#heldId);
    if (status === 200) expect(body).toContain('legal hold');
    expect((await this.#scene.play(this.#heldId)).status).toBe(200);
  }
}

/** True when it went well; any other end must be one that is worth another try. */
async function goesWell(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: expect.stringMatching(/^(store_failed|vault_unreachable)$/), retry: 'later' });
    return false;
  }
}

/** A round for each amount of space, from none to enough. Returns how many different ends there were. */
async function fillStepByStep(on: BrokenScene, stepKib: (leftKib: number) => number): Promise<number> {
  const ends = new Set<string>();
  for (let leftKib = 0; ; leftKib += stepKib(leftKib)) {
    expect(leftKib, 'a life fits into this at last').toBeLessThan(enoughKib);
    const round = new Round(on, `${leftKib}-kib`);
    await round.prepare();
    disk.leave(leftKib * kib);
    const tried = await round.tryAll();
    disk.clear();
    await round.expectAmends(tried);
    const end = [tried.archived.status === 200, tried.purged.status === 200, tried.isHeld, tried.isSealed];
    ends.add(end.join());
    if (end.every((isWell) => isWell)) return ends.size;
  }
}

describe.skipIf(noSmallDisk !== undefined)('a disk that is full', () => {
  test('for the home, at any write of a life, is answered honestly, and all goes well when there is space', {
    timeout: 240_000,
  }, async () => {
    disk = mountSmallDisk(24);
    const on = await startOnDisk('TACET_HOME');
    const ends = await fillStepByStep(on, (leftKib) => (leftKib < 160 ? 16 : 48));
    // Neither all at once nor nothing: it has come through the middle.
    expect(ends).toBeGreaterThan(2);
    await on.expectRest();
  });

  test('for the vault keeps an erasure from being called gone before its seal, and nothing else from going on', {
    timeout: 120_000,
  }, async () => {
    disk = mountSmallDisk(1);
    const on = await startOnDisk('TACET_KEYS_DIR');
    const call = on.newCall('purged-unsealed');
    const callId = await on.archived(call);
    disk.leave(0);
    const failed = on.app.nextLog((line) => line.event === 'seal.failed');
    expect((await on.purge(callId)).body).toContain('Purging');
    expect(await failed).toMatchObject({ code: 'vault_unreachable' });
    expect((await on.play(callId)).status).toBe(404);
    expect(await on.client.statusOf(call.session)).toBe('Complete');
    expect((await on.client.archive('new', phone, audio)).status).toBe(200);
    disk.clear();
    await on.settle();
    await on.expectStanding(call, 'gone');
    expect(await fillStepByStep(on, () => 4)).toBeGreaterThan(1);
    await on.expectRest();
  });

  test('while the write-ahead log is copied leaves the log, which is read on and copied later', async () => {
    disk = mountSmallDisk(24);
    const on = await startOnDisk('TACET_HOME');
    const { store } = on.app.engine;
    await until(async () => await store.checkpoint());
    const calls = Array.from({ length: 20 }, (_, i) => on.newCall(`call-${i}`));
    for (const call of calls) await on.archived(call);
    disk.leave(0);
    await expect(store.checkpoint()).rejects.toMatchObject({ code: 'store_failed', detail: 'SQLITE_FULL' });
    for (const call of calls) expect(await on.client.statusOf(call.session)).toBe('Complete');
    disk.clear();
    await until(async () => await store.checkpoint());
    for (const call of calls) await on.expectStanding(call, 'whole');
    await on.expectRest();
  });

  test('at the first start is a clear failure, and the next start finds nothing in its way', async () => {
    disk = mountSmallDisk(8);
    scene = await startBrokenScene();
    const { config } = scene.app;
    for (let leftKib = 0; leftKib < 1024; leftKib += 32) {
      const home = join(disk.folder, `home-${leftKib}`);
      const elsewhere = { ...config, home, keysDirs: [`${home}-keys`] };
      disk.leave(leftKib * kib);
      const error = await started(elsewhere);
      if (error === undefined) return;
      expect(error).toMatchObject({ code: expect.stringMatching(/^(store_failed|blob_failed|vault_unreachable)$/) });
      disk.clear();
      expect(await started(elsewhere)).toBeUndefined();
      expect(readdirSync(`${home}-keys`).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      for (const folder of [home, `${home}-keys`]) rmSync(folder, { recursive: true });
    }
    throw new Error('it never started');
  });
});

/** Opens and closes an archive; the error, where there was one. */
async function started(config: Parameters<typeof openApp>[0]): Promise<unknown> {
  try {
    const app = await openApp(config, { log: silentLog });
    try {
      await app.prepare();
    } finally {
      await app.close();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}
