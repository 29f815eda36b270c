import { notShown } from '../../keys/root-key-lookup.ts';
import { standardPatience } from '../../keys/until-shown.ts';
import { steadyMs } from '../../lib/clock.ts';
import { systemError } from '../../lib/durable-files.ts';
import type { Log } from '../../lib/log.ts';
import { Look } from '../../lib/look.ts';
import { type BlobStore, refuseOwner } from '../../model/blob-store.ts';
import { alwaysThere, type DatabaseStanding } from '../../model/database-standing.ts';
import { AppError, codeOf } from '../../model/errors.ts';
import type { KeyReads, TopRow } from '../../model/key-store.ts';
import type { Meter } from '../../model/meter.ts';
import type { Vault } from '../../model/vault.ts';
import { steadyVault } from './steady-vault.ts';

/** How often a process looks whether the vault is still there, whether or not anybody asks. */
const everyMs = 2000;
/** A look that found all well stands for as long: however often a balancer asks, the vault is asked once. */
const rememberMs = 1500;
/** What has not answered by then, such as a network file system whose server is away, is not there. */
const answerMsMax = 5000;

export type ReachOptions = {
  vault: Vault;
  blobs: BlobStore;
  reads: Pick<KeyReads, 'readTop'>;
  /** Whether the database is still the one that was opened. Default: it cannot be lost. */
  standing?: DatabaseStanding;
  log: Log;
  meter: Meter;
  /** Wipes every opened key and secret from memory. */
  forget: () => void;
  /** How long a look may take, in ms; default 5 s. */
  limitMs?: number;
};

/**
 * Whether this process can reach what it needs beside the database: the vault and the blob store.
 *
 * A process that cannot reach the vault serves no reads (DESIGN section 3). Opened keys in memory would let it for a minute
 * or two, so it looks every few seconds and forgets them all as soon as a look fails; from then on each read asks the vault
 * itself, and goes on when that is back.
 */
export class Reach {
  /** The vault for everybody else: while a look at it hangs, it fails at once instead of hanging too. */
  readonly vault: Vault;
  readonly #options: ReachOptions;
  readonly #vaultLook: Look;
  readonly #blobLook: Look;
  #timer: NodeJS.Timeout | undefined;
  #isVaultThere = true;
  readonly #limitMs: number;
  /** Since when the vault owes an answer to a look, in steady time. */
  #askedAt: number | undefined;
  /** The named key that the vault has not shown yet, and since when, in steady time. */
  #missing: { keyId: string; since: number } | undefined;

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#limitMs = options.limitMs ?? answerMsMax;
    const bounds = { rememberMs, limitMs: this.#limitMs };
    const late = () => this.#lateness();
    this.#vaultLook = new Look({ ...bounds, look: async () => await this.#openRootKey(), late });
    const blobsAreLate = () => new AppError('blob_failed', { detail: 'the blob store does not answer' });
    this.#blobLook = new Look({ ...bounds, look: async () => await this.#findMark(), late: blobsAreLate });
    this.vault = steadyVault(options.vault, () => {
      if (this.#isVaultSilent()) throw this.#lateness();
    });
  }

  /** False from a look that failed to one that did not. */
  get isVaultThere(): boolean {
    return this.#isVaultThere;
  }

  start(): void {
    // What it throws has been told by then.
    this.#timer ??= setInterval(() => void this.#lookAtVault().catch(() => undefined), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Throws `vault_unreachable`, `blob_failed` or what else stands in the way; answers from memory for a moment. A database that
   * is lost is told of at once.
   */
  async prove(): Promise<void> {
    await this.#lookAtVault();
    await this.#blobLook.ask();
  }

  async #lookAtVault(): Promise<void> {
    const { standing = alwaysThere } = this.#options;
    standing.refuseLost();
    try {
      await this.#vaultLook.ask();
    } catch (error) {
      // A look that waited for the database says nothing about the vault.
      standing.refuseLost();
      if (isAboutVault(error)) this.#lost(error);
      throw error;
    }
    this.#found();
  }

  #isVaultSilent(): boolean {
    if (!this.#vaultLook.isLate || this.#askedAt === undefined) return false;
    return steadyMs() - this.#askedAt >= this.#limitMs;
  }

  /** Why a look takes too long: it reads the database first, and a slow one must not make the vault count as gone. */
  #lateness(): AppError {
    if (this.#isVaultSilent()) return new AppError('vault_unreachable', { detail: 'the vault does not answer' });
    return new AppError('store_busy', { detail: 'the look at the vault waits for the database' });
  }

  #lost(error: unknown): void {
    const { log, meter, forget } = this.#options;
    // Each time: a read that had its keys before may have put some of them back.
    forget();
    meter.count('tacet_vault_looks_total', { outcome: 'lost' });
    if (!this.#isVaultThere) return;
    this.#isVaultThere = false;
    const detail = error instanceof AppError ? error.detail : undefined;
    log.error('vault.lost', { code: codeOf(error), detail });
  }

  #found(): void {
    if (this.#isVaultThere) return;
    this.#isVaultThere = true;
    this.#options.log.info('vault.found');
  }

  /** Reads the key that the row names, as every read has to that finds nothing in memory. */
  async #openRootKey(): Promise<void> {
    const missed = await this.#whileRowStands();
    if (missed === undefined) {
      this.#missing = undefined;
      this.#options.meter.count('tacet_vault_looks_total', { outcome: 'there' });
      return;
    }
    // Another machine may have sealed a moment ago, and a network file system may show its files late.
    if (this.#missing?.keyId !== missed.keyId) this.#missing = { keyId: missed.keyId, since: steadyMs() };
    if (steadyMs() - this.#missing.since > standardPatience.forMs) throw notShown(missed);
  }

  /** The row whose key the vault does not show; undefined where it does. A row read before a seal is read once more. */
  async #whileRowStands(): Promise<TopRow | undefined> {
    let missed: TopRow | undefined;
    for (let looks = 0; looks < 2; looks += 1) {
      const top = await this.#options.reads.readTop();
      if (top === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
      if (await this.#isShown(top)) return undefined;
      missed = top;
    }
    return missed;
  }

  async #isShown(top: TopRow): Promise<boolean> {
    this.#askedAt = steadyMs();
    try {
      const key = await this.#options.vault.open(top.keyId, top.generation);
      key?.fill(0);
      return key !== undefined;
    } finally {
      this.#askedAt = undefined;
    }
  }

  /** A recordings disk that is not mounted, or a bucket that is gone, has no mark. */
  async #findMark(): Promise<void> {
    const owner = await this.#options.blobs.owner();
    if (owner === undefined) throw new AppError('blob_failed', { detail: 'the blob store has no mark' });
    const top = await this.#options.reads.readTop();
    refuseOwner(owner, top?.archiveId ?? owner);
  }
}

/** What a process runs out of by itself: files it may open, memory. */
const ownWants: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

/**
 * False for a database that does not answer, without which nothing is read anyway, and for what this process lacks itself:
 * neither says that the vault is gone. What is in memory then still lives for a minute.
 */
function isAboutVault(error: unknown): boolean {
  const isOwnWant = error instanceof AppError && ownWants.includes(systemError(error.cause)?.code ?? '');
  return !isOwnWant && !codeOf(error).startsWith('store_');
}
