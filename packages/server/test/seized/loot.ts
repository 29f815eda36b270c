/** What an attacker carries away, and what he finds in it once the files are read as what they are. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type Database from 'better-sqlite3';
import { eachState } from './database-states.ts';
import { type Context, type SealedPage, topLevel } from './openers.ts';

/** One file as it was when it was taken. */
export type TakenFile = { path: string; bytes: Buffer };

/** An artifact as sealed, whichever copy it is from: JSON of a row, or the bytes of a recording. */
export type Sealing = { context: Context; sealed: Buffer };

/** A token as stored, of the living or of a tombstone. */
export type StoredToken = { where: 'token' | 'tombstone'; token: Buffer };

/** Everything sealed, each thing once, out of every state of every database. */
export type Loot = {
  files: readonly TakenFile[];
  /** Topmost pages among them. */
  pages: SealedPage[];
  sealings: Sealing[];
  /** Slots that rows name for the server's own secrets (`index-key`, `tombstone-key`) and for token epochs (`epoch`). */
  secretSlots: { kind: string; slot: number }[];
  tokens: StoredToken[];
  /** What journal and audit rows say beside ids. */
  details: { where: 'journal' | 'audit'; text: string }[];
};

/** Every file below a folder, read now. */
export function takeFolder(folder: string): TakenFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile())
    .map((path) => ({ path, bytes: readFileSync(path) }));
}

/** The same files as a copy that is kept elsewhere. */
export function keptAs(name: string, files: readonly TakenFile[]): TakenFile[] {
  return files.map(({ path, bytes }) => ({ path: `${name}:${path}`, bytes }));
}

/** Reads every database among the files, with its write-ahead log, and the recordings that its rows name. */
export function lootOf(files: readonly TakenFile[]): Loot {
  const loot: Loot = { files, pages: [], sealings: [], secretSlots: [], tokens: [], details: [] };
  const seen = new Set<string>();
  const once = (name: string): boolean => {
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew;
  };
  const bytesOf = new Map(files.map((file) => [file.path, file.bytes]));
  const blobs = new Map(files.map(({ path, bytes }) => [basename(path), bytes]));
  for (const { path, bytes } of files) {
    if (!path.endsWith('.sqlite')) continue;
    eachState(bytes, bytesOf.get(`${path}-wal`), (database) => readState(database, { loot, once, blobs }));
  }
  return loot;
}

type Reading = { loot: Loot; once: (name: string) => boolean; blobs: ReadonlyMap<string, Buffer> };

function readState(database: Database.Database, { loot, once, blobs }: Reading): void {
  const pages = rowsOf<{ place: number; sealed: Buffer }>(
    database,
    `SELECT ${topLevel} * (1 << 40) AS place, page AS sealed FROM archive UNION ALL SELECT place, sealed FROM key_page`,
  );
  for (const { place, sealed } of pages) {
    const [level, index] = [Math.floor(place / 2 ** 40), place % 2 ** 40];
    // A nonce is random: no two sealings share one.
    if (once(`page ${place} ${nonceOf(sealed)}`)) loot.pages.push({ level, index, sealed });
  }
  const artifacts = rowsOf<ArtifactRow>(database, 'SELECT slot, tenant_id, owner_id, kind, blob, sealed FROM artifact');
  for (const row of artifacts) {
    if (row.kind.endsWith('-key') && once(`secret ${row.kind} ${row.slot}`))
      loot.secretSlots.push({ kind: row.kind, slot: row.slot });
    for (const sealing of sealingsOf(row, blobs)) {
      const name = `sealing ${sealing.context.kind} ${row.owner_id} ${sealing.sealed.toString('hex', 34, 73)}`;
      if (once(name)) loot.sealings.push(sealing);
    }
  }
  for (const { slot } of rowsOf<{ slot: number }>(database, 'SELECT slot FROM epoch')) {
    if (once(`secret epoch ${slot}`)) loot.secretSlots.push({ kind: 'epoch', slot });
  }
  readTexts(database, { loot, once });
}

function readTexts(database: Database.Database, { loot, once }: Omit<Reading, 'blobs'>): void {
  for (const [where, table] of [['token', 'token'] as const, ['tombstone', 'tombstone_token'] as const]) {
    for (const { token } of rowsOf<{ token: Buffer }>(database, `SELECT token FROM ${table}`)) {
      if (once(`${where} ${token.toString('hex')}`)) loot.tokens.push({ where, token });
    }
  }
  for (const where of ['journal', 'audit'] as const) {
    for (const { detail } of rowsOf<{ detail: string | null }>(database, `SELECT detail FROM ${where}`)) {
      if (detail !== null && once(`${where} ${detail}`)) loot.details.push({ where, text: detail });
    }
  }
}

type ArtifactRow = {
  slot: number;
  tenant_id: string | null;
  owner_id: string;
  kind: string;
  blob: string | null;
  sealed: Buffer | null;
};

function sealingsOf(row: ArtifactRow, blobs: ReadonlyMap<string, Buffer>): Sealing[] {
  const owner = { tenantId: row.tenant_id ?? 'archive', ownerId: row.owner_id };
  const found: Sealing[] = [];
  if (row.sealed !== null) {
    const kind = row.kind === 'recording' ? 'recording-facts' : row.kind;
    found.push({ context: { ...owner, kind }, sealed: row.sealed });
  }
  const bytes = row.blob === null ? undefined : blobs.get(row.blob);
  if (bytes !== undefined && bytes.length > 0) found.push({ context: { ...owner, kind: row.kind }, sealed: bytes });
  return found;
}

function nonceOf(sealed: Buffer): string {
  return sealed.toString('hex', 0, 12);
}

/** The statement's columns are what `T` says; nothing else guarantees it. */
function rowsOf<T>(database: Database.Database, sql: string): T[] {
  return database.prepare<[], T>(sql).all();
}
