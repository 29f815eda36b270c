import type { TreeShape } from '../../src/keys/page.ts';
import { hasCode } from './codes.ts';
import type { DatabaseState } from './memory-state.ts';
import { archive, createTenant, erase } from './operations.ts';
import { SimulatedProcess } from './process.ts';
import { Task } from './scheduler.ts';
import { judge, type Tally } from './verdict.ts';
import { World, type WorldOptions } from './world.ts';

/**
 * A directed history: what happens, step by step, and nothing else.
 *
 * `number` is its place in the list of histories that broke earlier drafts; those without one show a plain promise.
 */
export type DirectedHistory = {
  name: string;
  number?: number;
  horizonMs?: number;
  shape?: TreeShape;
  hasRecoveryKey?: boolean;
  vaultFolders?: number;
  play: (stage: Stage) => Promise<void>;
};

/** Plays a history with these modules and judges it. */
export async function play(
  history: DirectedHistory,
  options: Pick<WorldOptions, 'modules' | 'isSealedBeforeCommit'>,
): Promise<{ world: World; tally: Tally }> {
  const horizon = history.horizonMs === undefined ? {} : { horizonMs: history.horizonMs };
  const shape = history.shape === undefined ? {} : { shape: history.shape };
  const { hasRecoveryKey = false, vaultFolders = 1 } = history;
  const world = new World({ ...options, ...horizon, ...shape, hasRecoveryKey, vaultFolders });
  await history.play(new Stage(world));
  return { world, tally: await judge(world) };
}

/** What a directed history is written in. */
class Stage {
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Creates the archive and its tenant; then archives call `a` with one artifact: the first leaf is full. */
  async open(): Promise<SimulatedProcess> {
    const process = await this.start();
    await process.run(createTenant(process));
    await this.archive(process, 'a');
    return process;
  }

  /** A new process that has started. */
  async start(): Promise<SimulatedProcess> {
    const process = new SimulatedProcess(this.world);
    await process.run(process.start());
    return process;
  }

  async archive(process: SimulatedProcess, ownerId: string, kinds: readonly string[] = ['details']): Promise<void> {
    await process.run(this.archiving(process, ownerId, kinds));
  }

  /** The same, not yet run. */
  async archiving(process: SimulatedProcess, ownerId: string, kinds: readonly string[] = ['details']): Promise<void> {
    await archive(process, { ownerId, kinds, phone: '+10' });
  }

  async erase(process: SimulatedProcess, ...owners: string[]): Promise<void> {
    await process.run(erase(process, owners));
  }

  async seal(process: SimulatedProcess): Promise<void> {
    await process.run(process.seal());
  }

  /** Waits a horizon and lets a process expire what is due. */
  async passHorizon(process: SimulatedProcess): Promise<void> {
    this.world.wait(this.world.horizonMs);
    await process.run(process.expire());
  }

  /** Puts a copy back, everybody but `alive` having died, unless its key is gone: such a copy opens nothing. */
  async putBack(copy: DatabaseState, ...alive: SimulatedProcess[]): Promise<void> {
    const { keyIds } = await this.world.readVault();
    if (!keyIds.has(copy.top?.keyId ?? '')) return;
    for (const process of this.#processes(alive)) process.die();
    await this.world.putBack(copy);
  }

  /** What an operator does with a copy put back: starts, is refused, restores, starts again. */
  async restore(): Promise<SimulatedProcess> {
    const process = new SimulatedProcess(this.world);
    if (await this.#isRefused(process)) await process.run(process.restore());
    await process.run(process.start());
    return process;
  }

  /** The first restore dies at a gate; the operator begins anew. */
  async restoreDyingAt(point: string, count = 1): Promise<SimulatedProcess> {
    const process = new SimulatedProcess(this.world);
    if (await this.#isRefused(process)) await process.dieAt(process.restore(), point, count);
    return await this.restore();
  }

  /** Begins an operation and lets it come as far as it can while somebody else holds the lock. */
  async begin(process: SimulatedProcess, work: Promise<void>): Promise<Task<void>> {
    const task = new Task(work);
    await this.world.scheduler.settle();
    this.world.scheduler.waitingOf(process.life)?.proceed('go');
    await this.world.scheduler.settle();
    return task;
  }

  /** Lets an operation come to a commit and fail there. */
  async failCommit(process: SimulatedProcess, work: Promise<unknown>, how: 'fail' | 'conflict', count = 1) {
    const task = await this.world.scheduler.runUntil(process.life, work, 'tx:commit', count);
    this.world.scheduler.waitingOf(process.life)?.proceed(how);
    await this.world.scheduler.settle();
    return task;
  }

  /** Lets an operation meet a failing disk at a gate; it may fail by that, in a way that the product names. */
  async failAt(process: SimulatedProcess, work: Promise<unknown>, point: string, count = 1): Promise<void> {
    const task = await this.world.scheduler.runUntil(process.life, work, point, count);
    this.world.scheduler.waitingOf(process.life)?.proceed('fail');
    try {
      await process.run(task.work);
    } catch (error) {
      if (!hasCode(error, 'vault_unreachable')) throw error;
    }
  }

  /** A process that has not started: a command that goes straight to work. */
  idle(): SimulatedProcess {
    return new SimulatedProcess(this.world);
  }

  /** An operation that must stop because a copy was put back. */
  async refused(process: SimulatedProcess, work: Promise<unknown>): Promise<void> {
    try {
      await process.run(work);
      this.world.find('accepts', 'an operation worked on a copy that was put back');
    } catch (error) {
      if (!hasCode(error, 'archive_restored')) throw error;
    }
  }

  /**
   * Puts a copy back while an operation stands at a gate. Where the operation holds the lock, the copy waits for it;
   * and where the copy's key is gone by then, there is nothing to put back.
   */
  async putBackDuring(copy: DatabaseState, process: SimulatedProcess, work: Promise<void>, point: string) {
    const task = await this.world.scheduler.runUntil(process.life, work, point);
    if (this.world.disk.current.isLocked) await process.run(task.work);
    await this.putBack(copy, process);
    if (!task.isOver) await process.run(task.work);
  }

  #processes(alive: readonly SimulatedProcess[]): SimulatedProcess[] {
    return this.world.processes.filter((process) => !alive.includes(process) && !process.life.isDead);
  }

  async #isRefused(process: SimulatedProcess): Promise<boolean> {
    try {
      await process.run(process.start());
      return false;
    } catch (error) {
      if (!hasCode(error, 'archive_restored')) throw error;
      return true;
    }
  }
}
