import type { MoveMark } from '../model/move.ts';
import type { SqlDialect } from './dialect.ts';
import { readMoveMark } from './move-marks.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

/** What a database says of itself before anybody knows whose it is. */
export type FoundDatabase = {
  /** Names of the migrations that its schema has seen. */
  ledger: ReadonlySet<string>;
  /** What it says of a move. */
  mark: MoveMark | undefined;
  /** The archive that is in it, and the generation at which its tree stands. */
  archive: { archiveId: string; generation: number } | undefined;
};

/** Looks at a database with a schema of any age, or none. Changes nothing. */
export async function lookAt(session: Session): Promise<FoundDatabase> {
  const tables = await tablesIn(session);
  const migrations = tables.has('migration')
    ? await session.rows<Pick<Row<'migration'>, 'name'>>('SELECT name FROM migration', [])
    : [];
  const archive = tables.has('archive')
    ? await session.first<Row<'archive'>>('SELECT archive_id, generation FROM archive', [])
    : undefined;
  return {
    ledger: new Set(migrations.map(({ name }) => name)),
    mark: tables.has('move') ? await readMoveMark(session) : undefined,
    archive: archive && { archiveId: archive.archive_id, generation: archive.generation },
  };
}

const listings: Readonly<Record<SqlDialect['name'], string>> = {
  sqlite: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
  postgres: 'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()',
};

/** Names of the tables, ours or others', of the schema that ours are made in. */
export async function tablesIn(session: Session): Promise<Set<string>> {
  const rows = await session.rows<{ name: string }>(listings[session.dialect.name], []);
  return new Set(rows.map(({ name }) => name));
}
