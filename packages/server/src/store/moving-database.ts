import type { Clock } from '../lib/clock.ts';
import type { Faults } from '../lib/faults.ts';
import { AppError } from '../model/errors.ts';
import type { MoveMark, NamedBlob } from '../model/move.ts';
import { insertOne } from './changes.ts';
import { closeForWrites, openForWrites } from './closing.ts';
import { closedTables, copiedTables } from './copied-tables.ts';
import { copyTable, type TableCopied } from './copy-table.ts';
import { copyCounters } from './counters.ts';
import type { Database } from './database.ts';
import { Db } from './db.ts';
import { type FoundDatabase, lookAt, tablesIn } from './found-database.ts';
import { migrate, refuseNewer } from './migrate.ts';
import { migrations } from './migrations/index.ts';
import { readMoveMark, writeMoveMark } from './move-marks.ts';
import { PostgresDb, type PostgresDbOptions } from './postgres-db.ts';
import type { AnyRow } from './row-pages.ts';
import type { Row, Tables } from './tables.ts';

/** Where one of the two databases of a move is. */
export type MovingPlace =
  | { kind: 'sqlite'; file: string }
  | ({ kind: 'postgres' } & Pick<PostgresDbOptions, 'url' | 'watch'>);

export type MovingOptions = { clock: Clock; faults: Faults };

/** Told how far the copy of a table has come. */
export type RowProgress = (table: string, rows: number) => void;

/** Rows of the archive's tables, by table. */
export type RowCounts = Record<string, number>;

const busyTimeoutMs = 10_000;
const connections = 4;
/** Copies after which tables at rest are equal (`copyTable`), and the one that proves it. */
const copiesMax = 3;
const blobsPerPage = 500;

/**
 * One of the two databases of a move: rows and marks, whatever they mean. Whoever opens it holds the archive as the method
 * says, and closes it.
 */
export class MovingDatabase {
  readonly #db: Database;
  readonly #options: MovingOptions;

  private constructor(db: Database, options: MovingOptions) {
    this.#db = db;
    this.#options = options;
  }

  /** Opens a database. A file must be there. */
  static async open(place: MovingPlace, options: MovingOptions): Promise<MovingDatabase> {
    const { faults } = options;
    if (place.kind === 'sqlite') {
      return new MovingDatabase(await Db.open({ file: place.file, busyTimeoutMs, faults }), options);
    }
    const { url, watch } = place;
    const db = new PostgresDb({ url, connections, busyTimeoutMs, faults, ...(watch && { watch }) });
    return new MovingDatabase(db, options);
  }

  /** Creates and migrates the schema, whatever it says of a move. Throws `store_newer` as `Store.migrate` does. */
  async migrate(): Promise<void> {
    await migrate(this.#db, migrations, this.#options.clock);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  /** What the database says of a move. */
  async mark(): Promise<MoveMark | undefined> {
    return (await lookAt(this.#db.reads)).mark;
  }

  /** The archive that is in it, and the generation at which its tree stands; undefined where there is none. */
  async archive(): Promise<FoundDatabase['archive']> {
    return (await lookAt(this.#db.reads)).archive;
  }

  /**
   * Throws what keeps a move of this archive from filling it: `input_invalid` for a database with anything in it but what an
   * unfinished move of the same archive has left, and `store_newer`. Changes nothing.
   */
  async refuseFull(archiveId: string): Promise<void> {
    const tables = await tablesIn(this.#db.reads);
    const ours = new Set<string>([...closedTables, 'migration', 'move'] satisfies (keyof Tables)[]);
    for (const table of tables) if (!ours.has(table)) throw notEmpty();
    const { ledger, mark } = await lookAt(this.#db.reads);
    refuseNewer(ledger, migrations);
    if (mark?.archiveId === archiveId && mark.state === 'arriving') return;
    if (mark?.archiveId === archiveId && mark.state === 'arrived') {
      throw new AppError('input_invalid', { message: 'The database named by --to-database is an archive of its own' });
    }
    if (mark !== undefined || (await this.#hasRows(tables))) throw notEmpty();
  }

  /**
   * Makes the schema in a database that nobody else uses and that `refuseFull` lets pass, and marks it as being filled. Where
   * an unfinished move of the same archive has left its mark, that one stays. As long as the source is open it is a copy and
   * no archive, so that an archive's row in it, of a move that was cancelled, goes. Returns the id of the move.
   */
  async receive(mark: MoveMark): Promise<string> {
    await this.refuseFull(mark.archiveId);
    await this.migrate();
    return await this.#db.writeAlone(async (session) => {
      await session.change('DELETE FROM archive', []);
      const there = await readMoveMark(session);
      if (there === undefined) await writeMoveMark(session, mark);
      return there?.id ?? mark.id;
    });
  }

  /**
   * Copies what may be copied beside those who write, once. What comes or goes meanwhile may be in the copy or not; `copyAll`
   * puts that right. Returns how many rows were changed.
   */
  async copyLive(from: MovingDatabase, onProgress: RowProgress): Promise<number> {
    let changed = 0;
    for (const table of copiedTables('live')) {
      changed += (await copyTable(table, this.#copying(from, table.name, onProgress))).changed;
    }
    return changed;
  }

  /**
   * Copies everything but the archive's row of a source that nobody writes to any more, until a copy has changed nothing. All
   * rows are then the source's, and there are no others.
   */
  async copyAll(from: MovingDatabase, onProgress: RowProgress): Promise<RowCounts> {
    const counts: RowCounts = {};
    for (const table of [...copiedTables('live'), ...copiedTables('closed')]) {
      let copied: TableCopied | undefined;
      for (let times = 0; times < copiesMax && copied?.changed !== 0; times += 1) {
        copied = await copyTable(table, this.#copying(from, table.name, onProgress));
      }
      if (copied?.changed !== 0) throw new AppError('damage', { detail: `table ${table.name} cannot be copied` });
      counts[table.name] = copied.rows;
    }
    return counts;
  }

  #copying(from: MovingDatabase, table: string, onProgress: RowProgress) {
    const { faults } = this.#options;
    return { from: from.#db, to: this.#db, faults, onProgress: (rows: number) => onProgress(table, rows) };
  }

  /** Writes the archive's row, which makes an archive of the copy, and has the counters go on from where they are. */
  async copyArchive(from: MovingDatabase): Promise<void> {
    await this.#db.writeAlone(async (session) => {
      const row = await from.#db.reads.first<AnyRow>('SELECT * FROM archive', []);
      if (row === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
      await session.change('DELETE FROM archive', []);
      await insertOne(session, 'archive', row);
      await copyCounters(from.#db.reads, session);
    });
  }

  /** Puts this mark in the place of the one that is there. */
  async setMark(mark: MoveMark): Promise<void> {
    await this.#db.writeAlone(async (session) => await writeMoveMark(session, mark));
  }

  /** Closes the database for writes and says where the archive goes, in one commit. Nobody else may use the archive. */
  async leave(mark: MoveMark): Promise<void> {
    await this.#db.writeAlone(async (session) => {
      await session.rows(`SELECT one FROM archive ${session.dialect.lock.alone}`, []);
      await closeForWrites(session, closedTables);
      await writeMoveMark(session, mark);
    });
  }

  /** Undoes `leave`. */
  async stay(): Promise<void> {
    await this.#db.writeAlone(async (session) => {
      await openForWrites(session, closedTables);
      await session.change('DELETE FROM move', []);
    });
  }

  /** Every recording that was stored to its end and that is not about to be erased, by slot, in pages. */
  async *recordings(): AsyncGenerator<NamedBlob[]> {
    const sql = `SELECT slot, blob AS name, blob_bytes AS "sizeBytes" FROM artifact
      WHERE slot > ? AND blob IS NOT NULL AND blob_bytes IS NOT NULL ORDER BY slot LIMIT ${blobsPerPage}`;
    for (let after = -1; ; ) {
      const page = await this.#db.reads.rows<NamedBlob>(sql, [after]);
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      after = last.slot;
    }
  }

  /** Names of bytes that were to be erased and may be there yet, in pages. */
  async *doomedBlobs(): AsyncGenerator<string[]> {
    const sql = `SELECT blob FROM doomed_blob WHERE blob > ? ORDER BY blob LIMIT ${blobsPerPage}`;
    for (let after = ''; ; ) {
      const page = await this.#db.reads.rows<Pick<Row<'doomed_blob'>, 'blob'>>(sql, [after]);
      const last = page.at(-1);
      if (last === undefined) return;
      yield page.map((row) => row.blob);
      after = last.blob;
    }
  }

  /** Looks into those of our tables that there are. */
  async #hasRows(tables: ReadonlySet<string>): Promise<boolean> {
    for (const table of closedTables.filter((one) => tables.has(one))) {
      if ((await this.#db.reads.rows(`SELECT 1 FROM ${table} LIMIT 1`, [])).length > 0) return true;
    }
    return false;
  }
}

function notEmpty(): AppError {
  return new AppError('input_invalid', {
    message: 'The database named by --to-database has something else in it; give an empty one',
  });
}
