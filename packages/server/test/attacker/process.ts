import type { KeyTree } from '../../src/keys/key-tree.ts';
import type { RootKeys } from '../../src/keys/root-keys.ts';
import type { SlotIssuer } from '../../src/keys/slot-issuer.ts';
import type { TokenEpochs } from '../../src/keys/token-epochs.ts';
import type { JournalEntry, JournalKind, KeyTx } from '../../src/model/key-store.ts';
import { hasCode } from './codes.ts';
import { MemoryKeyStore, type MemoryTx } from './memory-key-store.ts';
import { replay, turnEpoch } from './operations.ts';
import type { Life } from './scheduler.ts';
import { leaseMs, type World } from './world.ts';

/** One process of the product: real code over the shared database and vault. */
export class SimulatedProcess {
  readonly world: World;
  readonly life: Life;
  readonly store: MemoryKeyStore;
  readonly tree: KeyTree;
  readonly rootKeys: RootKeys;
  readonly issuer: SlotIssuer;
  readonly epochs: TokenEpochs;
  /** True while it has the identity of the recovery key: during a restore. */
  hasIdentity = false;

  constructor(world: World) {
    const { modules, scheduler } = world;
    this.world = world;
    world.processes.push(this);
    this.life = { name: `process ${world.serial()}`, isDead: false };
    this.store = new MemoryKeyStore(world.disk, this.life);
    const faults = {
      at: async (point: string) => {
        await scheduler.gate(this.life, `at:${point}`);
      },
    };
    // Nobody waits in this world: what is not there now comes by somebody else's step.
    const patience = { everyMs: 1, forMs: 0 };
    const common = { store: this.store, clock: { now: () => world.now }, faults, patience };
    const vault = world.vaultFor(this.life, () => this.hasIdentity);
    this.tree = new modules.keyTree.KeyTree({ ...common, vault, shape: world.shape, crypto: world.oracle.crypto });
    this.rootKeys = new modules.rootKeys.RootKeys({ ...common, vault, tree: this.tree, horizonMs: world.horizonMs });
    this.issuer = new modules.slotIssuer.SlotIssuer({ ...common, tree: this.tree, owner: this.life.name, leaseMs });
    const write = async <T>(work: (tx: { keys: KeyTx; tokens: MemoryTx['tokens'] }) => Promise<T>) =>
      await this.store.transact(work);
    this.epochs = new modules.tokenEpochs.TokenEpochs({
      ...common,
      store: { write },
      tree: this.tree,
      issuer: this.issuer,
      batch: 2,
    });
  }

  /** What every process does first. Fails with `archive_restored` where a copy was put back. */
  async start(): Promise<void> {
    const { mustRefuse, refusals } = this.world;
    const begun = this.world.truth.next();
    try {
      await this.rootKeys.ready('archive-1');
    } catch (error) {
      const isFalseAlarm = !mustRefuse && this.world.refusals === refusals && hasCode(error, 'archive_restored');
      if (isFalseAlarm) this.world.find('refuses', `${this.life.name} takes the database for a copy`);
      throw error;
    }
    const isStill = mustRefuse && this.world.mustRefuse && this.world.refusals === refusals;
    if (isStill) this.world.find('accepts', `${this.life.name} works on a copy that was put back`);
    this.#lockedAway(begun);
    await this.endReservations();
  }

  async endReservations(): Promise<void> {
    const time = this.world.now;
    const clock = { now: () => this.world.now };
    await this.world.modules.slotIssuer.endReservations(this.store, this.tree, clock, { endedBy: time });
    if (this.#isCurrent) this.world.truth.leasesEnded(time);
  }

  async seal(): Promise<void> {
    const { keyId } = await this.rootKeys.seal();
    this.world.returnedSeals.add(keyId);
    this.#lockedAway(this.world.truth.committedAt(keyId));
  }

  async expire(): Promise<void> {
    const begun = this.world.truth.next();
    const time = this.world.now;
    await this.rootKeys.expire();
    this.world.truth.expired({ begun, time });
    this.#lockedAway(begun);
  }

  /** `tacet restore --identity`. */
  async restore(): Promise<void> {
    this.hasIdentity = true;
    try {
      await this.#restore();
    } finally {
      this.hasIdentity = false;
    }
  }

  async #restore(): Promise<void> {
    await this.world.modules.restore.restoreDatabase({
      store: { reads: this.store.reads, write: async (work) => await this.store.transact(work) },
      vault: this.world.vaultFor(this.life),
      tree: this.tree,
      rootKeys: this.rootKeys,
      clock: { now: () => this.world.now },
      replay: async (tx: MemoryTx, entries) => {
        const slots: number[] = [];
        for (const entry of entries) slots.push(...(await replay(tx, entry)));
        return slots;
      },
      // With a small fan-out the numbers would run out.
      spareLeaves: 0,
      turnEpochs: async (isTold) => await turnEpoch(this, isTold),
      faults: { at: async (point) => void (await this.world.scheduler.gate(this.life, `at:${point}`)) },
    });
    // Another restore may have begun meanwhile.
    if (this.#isCurrent && this.world.state.top?.isRestoring !== true) this.world.mustRefuse = false;
  }

  /** Ends this process where it stands. */
  die(): void {
    this.world.scheduler.kill(this.life);
  }

  /** Runs an operation of this process to its end, every gate open to it and nobody else moving. */
  async run<T>(work: Promise<T>): Promise<T> {
    return await this.world.scheduler.run(this.life, work);
  }

  /** Runs an operation up to a gate and ends the process there. */
  async dieAt(work: Promise<unknown>, point: string, count = 1): Promise<void> {
    await this.world.scheduler.runUntil(this.life, work, point, count);
    this.die();
  }

  newInstance(ownerId: string, kind: string, slot: number): string {
    return `${ownerId} ${kind} in slot ${slot}, naming ${this.world.serial()}`;
  }

  journalEntry(kind: JournalKind, what: Partial<JournalEntryParts> & { slots: readonly number[] }): JournalEntry {
    return this.world.modules.journalEntries.journalEntry(kind, this.world.now, what);
  }

  /** With a recovery key: no key is left as it was that a seal committed by that moment has retired. */
  #lockedAway(moment: number | undefined): void {
    if (this.world.recovery !== undefined && moment !== undefined) this.world.truth.lockedAway(moment);
  }

  get #isCurrent(): boolean {
    return this.store.database === this.world.disk.current;
  }
}

type JournalEntryParts = { tenantId: string; ownerId: string; action: string };
