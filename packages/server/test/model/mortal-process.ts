import { type App, openApp } from '../../src/app.ts';
import type { HeldArchive } from '../../src/app-places.ts';
import type { Config } from '../../src/config.ts';
import type { Upload } from '../../src/engine/archive/upload.ts';
import type { OpenedRecording } from '../../src/engine/calls/read-recording.ts';
import type { Engine } from '../../src/engine/context.ts';
import type { Log } from '../../src/lib/log.ts';
import { MortalFaults } from './mortal.ts';

/** The clock of a history, which alone moves it. */
export class HistoryClock {
  #now = 1_767_225_600_000;

  now(): number {
    return this.#now;
  }

  /** Somebody sets it forward, or the machine sleeps: no timer notices. */
  lapse(ms: number): void {
    this.#now += ms;
  }

  /** A moment passes, for pauses that are counted from one moment to the next too: nobody waits for those here. */
  pass(ms: number): void {
    this.#now += ms;
    steadyAheadMs += ms;
  }
}

/** How far the steady clock of our process, by which the product counts pauses, is ahead of the real one. */
let steadyAheadMs = 0;
const realSteadyMs = performance.now.bind(performance);
performance.now = () => realSteadyMs() + steadyAheadMs;

/** A download on its way: what has come of it, and the rest. */
export type Download = { opened: OpenedRecording; body: AsyncGenerator<Buffer>; pieces: Buffer[] };

export type ProcessOptions = {
  config: Config;
  clock: HistoryClock;
  /** Where it says what must never be said in a history without damage. */
  complaints: string[];
  /** Spoils the opened archive, for tests of the model test. */
  spoil: ((app: App) => void) | undefined;
};

/** Histories kill and start processes at will, without a lock on their home. */
const nobodysHome: HeldArchive = { watch: undefined, release: async () => undefined };

/** The pause between two seals of one process, and a little. */
const sealTakesMs = 1001;

/** One process of a history, and what its clients hold open. */
export class MortalProcess {
  readonly uploads = new Map<number, Upload>();
  readonly downloads = new Map<number, Download>();
  readonly faults: MortalFaults;
  readonly #app: App;

  private constructor(app: App, faults: MortalFaults) {
    this.#app = app;
    this.faults = faults;
  }

  static async start({ config, clock, complaints, spoil }: ProcessOptions): Promise<MortalProcess> {
    const faults = new MortalFaults();
    const app = await openApp(config, { clock, faults, log: complaining(faults, complaints), held: nobodysHome });
    // Every seal takes longer than the pause between two, so that no history waits for a timer.
    const { rootKeys, sealer } = app.engine;
    const seal = rootKeys.seal.bind(rootKeys);
    rootKeys.seal = async (asking) => {
      clock.pass(sealTakesMs);
      return await seal(asking);
    };
    spoil?.(app);
    await app.prepare();
    await sealer.start();
    return new MortalProcess(app, faults);
  }

  get engine(): Engine {
    return this.#app.engine;
  }

  /** Waits for what requests have left running. */
  async settle(): Promise<void> {
    while (this.engine.background.size > 0) await Promise.allSettled(this.engine.background);
  }

  /** An orderly end. Uploads under way are left as they are. */
  async close(): Promise<void> {
    await this.settle();
    await this.#letGo();
    await this.#app.close();
    await this.#endUploads();
  }

  /** Dies: nothing is given back, nothing is sealed. Its connections go, as the system would see to. */
  async die(): Promise<void> {
    this.faults.die();
    await this.settle();
    await this.#letGo();
    await this.engine.sealer.close();
    await this.engine.store.close();
    await this.#endUploads();
  }

  async #letGo(): Promise<void> {
    for (const { opened } of this.downloads.values()) await opened.close();
    this.downloads.clear();
  }

  /** Only their timers: the database is closed. */
  async #endUploads(): Promise<void> {
    for (const upload of this.uploads.values()) await upload.abort().catch(() => undefined);
    this.uploads.clear();
  }
}

/**
 * What the product may well say in a history: an item waits for its uploader, another reader is in the way, and a lapse ends
 * the patience of a write that waits for the other process.
 */
const expected = ['upload_busy', 'blob_failed', 'lease_lost', 'store_busy'];

function complaining(faults: MortalFaults, complaints: string[]): Log {
  const complain = (event: string, fields?: object) => {
    const code = fields && 'code' in fields ? String(fields.code) : '';
    if (faults.isDead || event === 'checkpoint.busy' || expected.includes(code)) return;
    complaints.push(JSON.stringify({ event, ...fields }));
  };
  return { info: () => undefined, warn: complain, error: complain };
}
