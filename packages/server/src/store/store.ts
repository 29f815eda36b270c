import { type Clock, systemClock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { silentLog } from '../lib/log.ts';
import type { CopyOptions } from '../model/copy-options.ts';
import { AppError } from '../model/errors.ts';
import type { KeyStore } from '../model/key-store.ts';
import type { Migrating, Store, StoreReads, StoreTx } from '../model/store.ts';
import { artifactReads, artifactWrites } from './artifacts.ts';
import { auditReads, auditWrites } from './audit.ts';
import { backlogReads } from './backlog.ts';
import { callReads, callWrites } from './calls.ts';
import { candidateReads, candidateWrites } from './candidates.ts';
import { clientReads, clientWrites } from './clients.ts';
import type { Database } from './database.ts';
import { copyDatabase } from './database-copy.ts';
import { Db } from './db.ts';
import { doomedReads, doomedWrites } from './doomed.ts';
import { spanWrites } from './erasure-spans.ts';
import { erasureReads, erasureWrites } from './erasures.ts';
import { eventReads, eventWrites } from './events.ts';
import type { FoundDatabase } from './found-database.ts';
import { holdReads, holdWrites } from './holds.ts';
import { itemLockReads, itemLockWrites } from './item-locks.ts';
import { jobReads, jobWrites } from './jobs.ts';
import { journalChanges, journalReads } from './journal.ts';
import { keptAnswerReads, keptAnswerWrites } from './kept-answers.ts';
import { keyReads, keyWrites } from './key-pages.ts';
import { lateArtifactReads, lateArtifactWrites } from './late-artifacts.ts';
import { locks } from './locks.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/index.ts';
import { refuseMoved } from './move-marks.ts';
import { retentionReads, retentionWrites } from './retention.ts';
import type { Session } from './session.ts';
import { taskReads, taskWrites } from './tasks.ts';
import { tenantReads, tenantWrites } from './tenants.ts';
import { tokenReads, tokenWrites } from './tokens.ts';
import { tombstoneReads, tombstoneWrites } from './tombstones.ts';
import { userReads, userWrites } from './users.ts';

export type SqliteStoreOptions = {
  /** Created, empty, where it is missing. */
  file: string;
  clock?: Clock;
  faults?: Faults;
  /** How long a write transaction waits for other processes before `store_busy`. Default 10 s. */
  busyTimeoutMs?: number;
};

/** Opens the store in a SQLite file. It has no schema until `migrate` has run. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqlStore> {
  const { file, clock = systemClock, faults = noFaults, busyTimeoutMs = 10_000 } = options;
  const db = await Db.open({ file, faults, busyTimeoutMs });
  return new SqlStore(db, clock, async (copy, asked) => await copyDatabase(file, copy, asked));
}

/** Makes the file that `Store.copyTo` promises. */
type CopyDatabase = (file: string, options: CopyOptions) => Promise<void>;

/**
 * The store on an SQL database. What each method promises is said in `model/store.ts` and `model/key-store.ts`; after
 * `close` every method throws.
 */
export class SqlStore implements Store {
  readonly reads: StoreReads;
  readonly keyStore: KeyStore;
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #copy: CopyDatabase;
  #isClosed = false;

  constructor(db: Database, clock: Clock, copy: CopyDatabase) {
    this.#db = db;
    this.#clock = clock;
    this.#copy = copy;
    this.reads = readsOn(db.reads);
    this.keyStore = {
      reads: keyReads(db.reads),
      // Alone: what a seal makes durable in the vault comes before its own commit and nobody else's.
      write: (work) => db.writeAlone((session) => work(keyWrites(session))),
      writeFresh: (work) => db.writeFresh((session) => work(keyWrites(session))),
    };
  }

  get writeAimMs(): number {
    return this.#db.writeAimMs;
  }

  write<T>(work: (tx: StoreTx) => Promise<T>): Promise<T> {
    return this.#db.write((session) => work(writesOn(session)));
  }

  snapshot<T>(work: (reads: StoreReads) => Promise<T>): Promise<T> {
    return this.#db.snapshot((session) => work(readsOn(session)));
  }

  async migrate({ arriving = false, proveOwner, log = silentLog }: Migrating = {}): Promise<string[]> {
    const refuse = async ({ mark, archive }: FoundDatabase) => {
      refuseMoved(mark, { arriving });
      if (archive !== undefined) await proveOwner?.(archive.archiveId);
    };
    return await migrate(this.#db, migrations, this.#clock, { refuse, log });
  }

  checkpoint(): Promise<boolean> {
    return this.#db.checkpoint();
  }

  async copyTo(file: string, options: CopyOptions): Promise<void> {
    if (this.#isClosed) throw new AppError('internal', { detail: 'the database is closed' });
    await this.#copy(file, options);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#db.close();
  }
}

function readsOn(session: Session): StoreReads {
  return lazily(session, {
    tenants: tenantReads,
    clients: clientReads,
    artifacts: artifactReads,
    calls: callReads,
    lateArtifacts: lateArtifactReads,
    tasks: taskReads,
    candidates: candidateReads,
    users: userReads,
    answers: keptAnswerReads,
    events: eventReads,
    tokens: tokenReads,
    tombstones: tombstoneReads,
    erasures: (on) => ({ ...erasureReads(on), ...itemLockReads(on) }),
    doomed: doomedReads,
    holds: holdReads,
    jobs: jobReads,
    audit: auditReads,
    retention: retentionReads,
    backlog: backlogReads,
    journal: journalReads,
    keys: keyReads,
  });
}

function writesOn(session: Session): StoreTx {
  return lazily(session, {
    tenants: tenantWrites,
    clients: clientWrites,
    artifacts: artifactWrites,
    calls: callWrites,
    lateArtifacts: lateArtifactWrites,
    tasks: taskWrites,
    candidates: candidateWrites,
    users: userWrites,
    answers: keptAnswerWrites,
    events: eventWrites,
    tokens: tokenWrites,
    tombstones: tombstoneWrites,
    erasures: (on) => ({
      ...erasureReads(on),
      ...itemLockReads(on),
      ...erasureWrites(on),
      ...itemLockWrites(on),
      ...spanWrites(on),
    }),
    doomed: doomedWrites,
    holds: holdWrites,
    jobs: jobWrites,
    audit: auditWrites,
    retention: retentionWrites,
    journal: journalChanges,
    keys: keyWrites,
    locks,
  });
}

/**
 * An object whose parts are made when they are first asked for: a transaction uses two or three of a dozen, and there
 * are several transactions to every upload.
 */
function lazily<T extends object>(session: Session, makers: { [Noun in keyof T]: (on: Session) => T[Noun] }): T {
  const nouns = Object.keys(makers) as (keyof T)[];
  const made: Partial<T> = {};
  const lazy = Object.create(null) as T;
  for (const noun of nouns) {
    Object.defineProperty(lazy, noun, {
      enumerable: true,
      get: () => {
        made[noun] ??= makers[noun](session);
        return made[noun];
      },
    });
  }
  return lazy;
}
