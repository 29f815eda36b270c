import type { TreeShape } from '../../src/keys/page.ts';
import type { Vault } from '../../src/model/vault.ts';
import { Ledger } from './ledger.ts';
import { MemoryVaultDisk, openMemoryFolder } from './memory-folder.ts';
import { MemoryDisk } from './memory-key-store.ts';
import { MemoryRecovery } from './memory-recovery.ts';
import type { DatabaseState } from './memory-state.ts';
import type { Modules } from './modules.ts';
import { Oracle } from './oracle.ts';
import type { SimulatedProcess } from './process.ts';
import { type Life, Scheduler } from './scheduler.ts';
import { Truth } from './truth.ts';

export type WorldOptions = {
  modules: Modules;
  shape?: TreeShape;
  horizonMs?: number;
  vaultFolders?: number;
  /** True where root keys that no row names exist only sealed to a recovery key. */
  hasRecoveryKey?: boolean;
  /** The one mutation that is the caller's: ciphertext is made before the row that names the slot is committed. */
  isSealedBeforeCommit?: boolean;
};

/** How long a reservation stands. */
export const leaseMs = 60_000;
/** Numbers that callers may have: few, so that an attacker can try them all. */
export const phoneSpace = ['+10', '+11', '+12', '+13', '+14', '+15', '+16', '+17'] as const;

/** Something that the product did and must not have done. */
export type Finding = { kind: 'opens' | 'lost' | 'accepts' | 'refuses' | 'journal' | 'tokens'; detail: string };

/** The world that the processes of one history share: database, vault, clock, and what is noted about them. */
export class World {
  readonly modules: Modules;
  readonly shape: TreeShape;
  readonly horizonMs: number;
  readonly isSealedBeforeCommit: boolean;
  /** Undefined where no recovery key is set. */
  readonly recovery: MemoryRecovery | undefined;
  readonly scheduler = new Scheduler();
  readonly ledger = new Ledger();
  readonly oracle = new Oracle();
  readonly disk: MemoryDisk;
  readonly vaultDisks: readonly MemoryVaultDisk[];
  readonly truth: Truth;
  readonly findings: Finding[] = [];
  /** Seals whose caller was told that they are finished, by key. */
  readonly returnedSeals = new Set<string>();
  /** Seizures of the vault: when, and what was there. */
  readonly seizures: { moment: number; files: Buffer[] }[] = [];
  /** Keys of token epochs, for the attack on tokens. */
  readonly epochKeys = new Map<string, Buffer>();
  readonly processes: SimulatedProcess[] = [];
  readonly phones = new Map<string, string>();
  /** True from the moment a copy was put back that the product must notice, until a restore has ended. */
  get mustRefuse(): boolean {
    return this.#mustRefuse;
  }
  set mustRefuse(value: boolean) {
    if (value && !this.#mustRefuse) this.refusals += 1;
    this.#mustRefuse = value;
  }
  #mustRefuse = false;
  /** How often `mustRefuse` became true. */
  refusals = 0;
  hasRestores = false;
  now = 1_700_000_000_000;
  #serial = 0;

  constructor(options: WorldOptions) {
    this.modules = options.modules;
    this.shape = options.shape ?? { fanOut: 3, levels: 4 };
    this.horizonMs = options.horizonMs ?? 10_000;
    this.isSealedBeforeCommit = options.isSealedBeforeCommit ?? false;
    this.recovery = options.hasRecoveryKey ? new MemoryRecovery() : undefined;
    this.truth = new Truth({ fanOut: this.shape.fanOut, horizonMs: this.horizonMs });
    this.vaultDisks = Array.from({ length: options.vaultFolders ?? 1 }, () => new MemoryVaultDisk());
    this.disk = new MemoryDisk({
      scheduler: this.scheduler,
      ledger: this.ledger,
      topLevel: this.shape.levels - 1,
      onBegin: () => this.truth.next(),
      onCommit: ({ before, after, database, begun }) => {
        if (database !== this.disk.current) return;
        this.truth.committed(before, after, begun);
        const [was, is] = [before.top?.isRestoring ?? false, after.top?.isRestoring ?? false];
        if (was !== is) this.mustRefuse = is;
      },
    });
  }

  get state(): DatabaseState {
    return this.disk.current.state;
  }

  /** A number never given before. */
  serial(): number {
    this.#serial += 1;
    return this.#serial;
  }

  /** The vault as a process sees it, which has the identity of the recovery key only while it `hasIdentity`. */
  vaultFor(life: Life, hasIdentity: () => boolean = () => false): Vault {
    const folders = this.vaultDisks.map((disk) => openMemoryFolder(disk, { scheduler: this.scheduler, life }));
    const recovery = this.recovery && {
      recoveryKey: this.recovery.recipient,
      identities: this.recovery.identities(hasIdentity),
    };
    return new this.modules.fileVault.FileVault({ folders, ...recovery });
  }

  wait(ms: number): void {
    this.now += ms;
  }

  /** Whoever seizes the vault now gets all its files. */
  seizeVault(): void {
    this.seizures.push({ moment: this.truth.next(), files: this.vaultFiles() });
  }

  vaultFiles(): Buffer[] {
    return this.vaultDisks.flatMap((disk) => [...disk.seize().values()]);
  }

  /** What whoever holds the identity reads in the vault's locked files. */
  unlockedFiles(): Buffer[] {
    const locked = this.vaultDisks.flatMap((disk) => [...disk.seize()].filter(([name]) => name.startsWith('locked-')));
    return locked.map(([, sealed]) => this.recovery?.open(sealed)).filter((plain) => plain !== undefined);
  }

  /** What the vault says, read while the world stands still. */
  async readVault(): Promise<{ head: number; entryIds: Set<string>; keyIds: Set<string>; lockedIds: Set<string> }> {
    this.scheduler.isOpen = true;
    const vault = this.vaultFor({ name: 'onlooker', isDead: false });
    const state = await vault.current();
    const entryIds = new Set<string>();
    for (const segment of state.segments) for (const entry of await vault.readSegment(segment)) entryIds.add(entry.id);
    this.scheduler.isOpen = false;
    const keyIds = new Set(state.keys.map((key) => key.id));
    const lockedIds = new Set(state.keys.filter((key) => key.isLocked).map((key) => key.id));
    return { head: state.heads.at(-1)?.generation ?? 0, entryIds, keyIds, lockedIds };
  }

  /** Puts a copy back. Whoever worked on the database that was goes on doing so; usually they were killed before. */
  async putBack(copy: DatabaseState): Promise<void> {
    const vault = await this.readVault();
    const lacks = [...vault.entryIds].some((id) => !copy.journal.has(id));
    const known = new Set(copy.seals.map((seal) => seal.keyId));
    const isSealedSince = this.state.seals.some(({ keyId }) => this.returnedSeals.has(keyId) && !known.has(keyId));
    const isNoticed =
      vault.lockedIds.has(copy.top?.keyId ?? '') ||
      lacks ||
      isSealedSince ||
      vault.head > (copy.top?.generation ?? 0) ||
      copy.top?.isRestoring === true;
    this.disk.putBack(copy);
    this.hasRestores = true;
    this.mustRefuse = isNoticed;
    this.truth.putBack(copy, { ...vault, returnedSeals: this.returnedSeals }, isNoticed);
  }

  find(kind: Finding['kind'], detail: string): void {
    this.findings.push({ kind, detail });
  }
}
