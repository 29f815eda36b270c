import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { Caller } from '../../src/engine/context.ts';
import { silentLog } from '../../src/lib/log.ts';
import { expectAtRest } from '../crash/invariants.ts';
import { callerOf } from '../crash/life.ts';
import type { Act } from './acts.ts';
import type { Json } from './agreement.ts';
import { afterAll, type Order } from './explain.ts';
import { lookAt } from './look.ts';
import { HistoryClock, MortalProcess } from './mortal-process.ts';
import { perform } from './perform.ts';
import { standingAt } from './rules-erase.ts';
import { tenantSlugs } from './universe.ts';
import { verbs as realVerbs, type Spoiling } from './verbs.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** Each by more than the leases, or the life of a tombstone, that it is to end. */
const lapseMs = { minute: minuteMs + 1000, hour: 61 * minuteMs, month: 31 * dayMs };
/** A worker's or issuer's lease is a minute; more of these would add up to an upload's, which is an hour. */
const minutesMax = 20;

/** More than a download may run on without asking whether it is still allowed. */
const actTakesMs = 1500;

/** An act, and the process that is asked. */
export type Asked = { act: Act; by: number };

/** The answers in the order of the acts (undefined where nobody lived to give one), and what is known of their order. */
export type Answered = { answers: (Json | undefined)[]; order: Order };

/** A home in memory where there is such a folder: histories sync more than anything else. */
function newFolder(): string {
  const memory = '/dev/shm';
  return mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'tacet-model-'));
}

/** One real archive, one or two processes that work on it, and the clock that all of them have. */
export class Archive {
  /** What the product said that it never should. */
  readonly complaints: string[] = [];
  readonly #folder: string;
  readonly #config: Config;
  readonly #clock = new HistoryClock();
  readonly #spoiling: Spoiling;
  readonly #processes: MortalProcess[] = [];
  #callers: Caller[] = [];
  #minutes = 0;

  private constructor(spoiling: Spoiling) {
    this.#spoiling = spoiling;
    this.#folder = newFolder();
    const config = readConfig({
      TACET_HOME: join(this.#folder, 'home'),
      TACET_BACKUP_HORIZON: '0',
      TACET_JOB_LEASE: '60s',
      TACET_TOMBSTONE_DAYS: '30',
    });
    // Longer than any that may be set, so that an upload outlives what a history does meanwhile.
    this.#config = { ...config, uploadLeaseMs: 60 * minuteMs };
  }

  static async open(processes: number, spoiling: Spoiling): Promise<Archive> {
    const archive = new Archive(spoiling);
    for (let i = 0; i < processes; i += 1) archive.#processes.push(await archive.#start());
    const { engine } = archive.#process(0);
    for (const slug of tenantSlugs) archive.#callers.push(callerOf(await createTenant(engine, { slug, region: 'US' })));
    return archive;
  }

  /** All at once; the answers in the order of the acts. Resolves when nothing runs on in the background. */
  async askTogether(asked: readonly Asked[]): Promise<Answered> {
    this.#clock.pass(actTakesMs);
    const answers = await Promise.all(asked.map(async (one) => await this.#perform(one)));
    await this.#settle();
    return { answers, order: {} };
  }

  /** The second act while the first stands at a fault point; after it, if it never came there. */
  async askDuring(asked: readonly Asked[], point: string): Promise<Answered> {
    const [first, second] = asked;
    if (first === undefined || second === undefined) return await this.askTogether(asked);
    this.#clock.pass(actTakesMs);
    let meanwhile: Promise<Json> | undefined;
    const { faults } = this.#process(first.by);
    faults.onNext(point, async () => {
      meanwhile = this.#perform(second);
      await meanwhile;
    });
    const answer = await this.#perform(first);
    await this.#settle();
    faults.forgetHook();
    const between = meanwhile === undefined ? afterAll : standingAt(point, first.act);
    const answers = [answer, await (meanwhile ?? this.#perform(second))];
    await this.#settle();
    return { answers, order: { between } };
  }

  /** The process dies at this step of the acts, or after them, and another takes its place. */
  async askDying(asked: readonly Asked[], by: number, at: number): Promise<Answered> {
    this.#clock.pass(actTakesMs);
    const dying = this.#process(by);
    dying.faults.dieAfter(at);
    // What still runs when it is dead answers nobody.
    const heard = async (one: Asked) => {
      const answer = await Promise.race([this.#perform({ ...one, by }), dying.faults.death]);
      return dying.faults.isDead || answer === undefined ? undefined : answer;
    };
    const answers = await Promise.all(asked.map(heard));
    await dying.die();
    // Whoever comes after a death comes when the leases of the dead have run out.
    this.lapse('minute');
    this.#processes[by] = await this.#start();
    return { answers, order: { mayBreakOff: true } };
  }

  async restart(by: number): Promise<void> {
    await this.#process(by).close();
    this.#processes[by] = await this.#start();
  }

  lapse(how: keyof typeof lapseMs): void {
    if (how === 'minute') this.#minutes += 1;
    else this.#minutes = 0;
    if (this.#minutes <= minutesMax) this.#clock.lapse(lapseMs[how]);
  }

  async look(): Promise<Json> {
    return await lookAt(this.#process(0).engine, this.#callers);
  }

  /** Closes everything and looks at the archive as after a death. What does not hold, in words. */
  async atRest(): Promise<string | undefined> {
    for (const process of this.#processes.splice(0)) await process.close();
    const app = await openApp(this.#config, { clock: this.#clock, log: silentLog });
    try {
      await expectAtRest(app, this.#config);
      return undefined;
    } catch (error) {
      const seen = error instanceof Error && 'actual' in error ? `: ${JSON.stringify(error.actual)}` : '';
      return error instanceof Error ? `${error.message}${seen}` : 'something that is no error was thrown';
    } finally {
      await app.close();
    }
  }

  async remove(): Promise<void> {
    for (const process of this.#processes.splice(0)) await process.die();
    await rm(this.#folder, { recursive: true });
  }

  async #settle(): Promise<void> {
    for (const process of this.#processes) await process.settle();
  }

  async #start(): Promise<MortalProcess> {
    const { spoil } = this.#spoiling;
    return await MortalProcess.start({ config: this.#config, clock: this.#clock, complaints: this.complaints, spoil });
  }

  #process(by: number): MortalProcess {
    const process = this.#processes[by];
    if (process === undefined) throw new Error('there is no such process');
    return process;
  }

  async #perform({ act, by }: Asked): Promise<Json> {
    const verbs = this.#spoiling.verbs ?? realVerbs;
    return await perform({ act, process: this.#process(by), callers: this.#callers, verbs });
  }
}
