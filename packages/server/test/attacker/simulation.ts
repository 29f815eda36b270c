import { hasCode } from './codes.ts';
import type { DatabaseState } from './memory-state.ts';
import type { Modules } from './modules.ts';
import { archive, createTenant, erase, indexOwner, replace, turnEpoch } from './operations.ts';
import { Prng } from './prng.ts';
import { SimulatedProcess } from './process.ts';
import { type Outcome, Task } from './scheduler.ts';
import { judge, type Tally } from './verdict.ts';
import { phoneSpace, World, type WorldOptions } from './world.ts';

export type HistoryOptions = {
  modules: Modules;
  seed: number;
  /** True for the second form: the vault is also seized at random earlier times. */
  isSeized: boolean;
  /** How many operations are begun. */
  operations: number;
  isSealedBeforeCommit?: boolean;
  /** True where processes lose their connections and, for a while, go on without the lock that they had. */
  losesConnections?: boolean;
};

export type History = { world: World; tally: Tally; died: number; putBack: number; cut: number };

const kindsOfCall = ['recording', 'transcript', 'details'] as const;
const horizons = [0, 10_000, 100_000] as const;

/** One random history, from the creation of the archive to the verdict. The seed alone decides what happens. */
export async function runHistory(options: HistoryOptions): Promise<History> {
  const simulation = new Simulation(options);
  await simulation.begin();
  await simulation.middle(options.operations);
  await simulation.end();
  const { world, died, putBack, cut } = simulation;
  return { world, tally: await judge(world), died, putBack, cut };
}

class Simulation {
  readonly world: World;
  died = 0;
  putBack = 0;
  cut = 0;
  readonly #dice: Prng;
  readonly #isSeized: boolean;
  readonly #losesConnections: boolean;
  readonly #copies: DatabaseState[] = [];
  #processes: SimulatedProcess[] = [];
  #tasks: { process: SimulatedProcess; task: Task }[] = [];
  #last: SimulatedProcess | undefined;
  #calls = 0;

  constructor(options: HistoryOptions) {
    this.#dice = new Prng(options.seed);
    this.#isSeized = options.isSeized;
    this.#losesConnections = options.losesConnections ?? false;
    const world: WorldOptions = {
      modules: options.modules,
      shape: { fanOut: 3, levels: this.#dice.chance(0.5) ? 4 : 5 },
      horizonMs: this.#dice.pick(horizons),
      vaultFolders: this.#dice.chance(0.2) ? 2 : 1,
      hasRecoveryKey: this.#dice.chance(0.33),
      isSealedBeforeCommit: options.isSealedBeforeCommit ?? false,
    };
    this.world = new World(world);
  }

  /** Creates archive and tenant without any accident. */
  async begin(): Promise<void> {
    this.world.scheduler.isOpen = true;
    const process = new SimulatedProcess(this.world);
    await process.start();
    await createTenant(process);
    await archive(process, this.#newCall());
    this.world.scheduler.isOpen = false;
    this.#processes.push(process);
    this.#copies.push(this.world.state);
  }

  async middle(operations: number): Promise<void> {
    for (let begun = 0; begun < operations; ) {
      const isIdle = this.world.scheduler.waiting().length === 0;
      if (isIdle || (this.#tasks.length < 3 && this.#dice.chance(0.04))) {
        await this.#beginOne();
        begun += 1;
      } else this.#advance();
      await this.#settle();
    }
  }

  /** Lets what runs end or die, and, more often than not, gives the archive the time to keep its promises. */
  async end(): Promise<void> {
    while (this.world.scheduler.waiting().length > 0) {
      this.#advance();
      await this.#settle();
    }
    if (this.#dice.chance(0.25)) return;
    this.world.scheduler.isOpen = true;
    await this.#allowed(async () => {
      const process = new SimulatedProcess(this.world);
      await this.#restoreOrStart(process);
      if (this.#dice.chance(0.7)) {
        this.world.wait(61_000);
        await process.endReservations();
      }
      await process.seal();
      if (this.#dice.chance(0.8)) this.world.wait(this.world.horizonMs);
      await process.expire();
    });
  }

  async #settle(): Promise<void> {
    await this.world.scheduler.settle();
    this.#tasks = this.#tasks.filter(({ process, task }) => !task.isOver && !process.life.isDead);
  }

  /** Lets one process through its gate, nearly always the one that went last; or something goes wrong there. */
  #advance(): void {
    const waiting = this.world.scheduler.waiting();
    const same = waiting.filter(({ life }) => life === this.#last?.life);
    const next = this.#dice.pick(same.length > 0 && this.#dice.chance(0.85) ? same : waiting);
    const process = this.#processes.find(({ life }) => life === next.life);
    this.#last = process;
    if (this.#losesConnections && process !== undefined) this.#mayCut(process);
    if (process !== undefined && this.#dice.chance(this.#danger(next.point))) this.#kill(process);
    else next.proceed(this.#outcome());
  }

  /** The connection is cut; whoever gets the lock then is as likely to go next as who believes to have it. */
  #mayCut(process: SimulatedProcess): void {
    if (!this.#dice.chance(0.015) || !process.store.cut()) return;
    this.cut += 1;
    this.#last = undefined;
  }

  /** Dying is likelier where it does the most harm. */
  #danger(point: string): number {
    return point.startsWith('at:') || point.startsWith('vault:') || point === 'tx:done' ? 0.012 : 0.003;
  }

  #outcome(): Outcome {
    if (this.#dice.chance(0.97)) return 'go';
    return this.#dice.pick(['fail', 'conflict', 'lost-answer'] as const);
  }

  #kill(process: SimulatedProcess): void {
    process.die();
    this.#processes = this.#processes.filter((one) => one !== process);
    this.died += 1;
  }

  async #beginOne(): Promise<void> {
    const process = this.#processes.length === 0 ? undefined : this.#dice.pick(this.#processes);
    const roll = this.#dice.below(100);
    if (process === undefined || roll < 6) this.#startProcess();
    else if (roll < 11) this.world.wait(this.#dice.below(Math.max(2_000, this.world.horizonMs * 1.5)));
    else if (roll < 13) this.world.wait(this.#dice.pick([30_000, 61_000, 26 * 3_600_000]));
    else if (roll < 19) this.#copies.push(this.world.state);
    else if (roll < 23) await this.#putBackOne();
    else if (roll < 27 && this.#isSeized) this.world.seizeVault();
    else this.#beginTask(process, this.#operation(process, roll));
  }

  #operation(process: SimulatedProcess, roll: number): Promise<void> {
    if (roll < 45) return archive(process, this.#newCall());
    if (roll < 62) return this.#erase(process);
    if (roll < 67) return this.#replace(process);
    if (roll < 79) return process.seal();
    if (roll < 89) return process.expire();
    if (roll < 93) return turnEpoch(process);
    if (roll < 96) return process.endReservations();
    return this.#read(process);
  }

  #startProcess(): void {
    if (this.#processes.length >= 2) return;
    const process = new SimulatedProcess(this.world);
    this.#processes.push(process);
    const start = this.#restoreOrStart(process).catch((error: unknown) => {
      this.#kill(process);
      throw error;
    });
    this.#beginTask(process, start);
  }

  /** Starts; where a copy was put back, restores first. */
  async #restoreOrStart(process: SimulatedProcess): Promise<void> {
    try {
      await process.start();
    } catch (error) {
      if (!hasCode(error, 'archive_restored')) throw error;
      await process.restore();
      await process.start();
    }
  }

  #beginTask(process: SimulatedProcess, work: Promise<void>): void {
    this.#tasks.push({ process, task: new Task(this.#allowed(async () => await work)) });
  }

  /** Operations may fail, in ways that the product names; anything else is a defect. */
  async #allowed(operation: () => Promise<void>): Promise<void> {
    try {
      await operation();
    } catch (error) {
      if (this.world.scheduler.isOpen || !isNamed(error))
        this.world.find('lost', `an operation broke: ${String(error)}`);
    }
  }

  async #erase(process: SimulatedProcess): Promise<void> {
    const owners = this.#owners(process);
    if (owners.length === 0) return;
    const some = new Set([this.#dice.pick(owners), ...(this.#dice.chance(0.3) ? [this.#dice.pick(owners)] : [])]);
    await erase(process, [...some], this.#dice.chance(0.25) ? ['recording'] : undefined);
  }

  async #replace(process: SimulatedProcess): Promise<void> {
    const rows = [...process.store.database.state.rows.values()].filter((row) => row.ownerId !== indexOwner);
    if (rows.length > 0) await replace(process, this.#dice.pick(rows));
  }

  async #read(process: SimulatedProcess): Promise<void> {
    const rows = [...process.store.database.state.rows.values()];
    if (rows.length > 0) await process.tree.open(this.#dice.pick(rows).slot);
  }

  #owners(process: SimulatedProcess): string[] {
    const owners = new Set([...process.store.database.state.rows.values()].map((row) => row.ownerId));
    owners.delete(indexOwner);
    return [...owners];
  }

  #newCall() {
    this.#calls += 1;
    const kinds = kindsOfCall.slice(0, 1 + this.#dice.below(kindsOfCall.length));
    return { ownerId: `call-${this.#calls}`, kinds, phone: this.#dice.pick(phoneSpace) };
  }

  /** Puts back a copy that can still be opened; whoever worked on the database that was dies with it. */
  async #putBackOne(): Promise<void> {
    const { keyIds } = await this.world.readVault();
    const usable = this.#copies.filter((copy) => keyIds.has(copy.top?.keyId ?? ''));
    if (usable.length === 0) return;
    const copy = this.#dice.pick(usable);
    for (const process of [...this.#processes]) this.#kill(process);
    await this.#settle();
    await this.world.putBack(copy);
    this.putBack += 1;
  }
}

function isNamed(error: unknown): boolean {
  return error instanceof Error && error.name === 'AppError';
}
