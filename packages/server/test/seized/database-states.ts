/** A SQLite database as bytes: every state that its file and its write-ahead log still hold, not the last one alone. */
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';

const logHeaderBytes = 32;
const frameHeaderBytes = 24;

/**
 * Runs `look` on each committed state, the oldest first: the file without its log, then after each commit in the log.
 * What a query on the last state no longer shows may well stand in an earlier one.
 *
 * A file that a checkpoint was being written into is ahead of the first commits in its log, and does not always read as a
 * database with them; with the last one it does.
 */
export function eachState(file: Buffer, log: Buffer | undefined, look: (database: Database.Database) => void): void {
  const images = imagesOf(file, log);
  for (const [i, image] of images.entries()) {
    try {
      lookAt(image, look);
    } catch (error) {
      const isTorn = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CORRUPT');
      if (!isTorn || i === images.length - 1) throw error;
    }
  }
}

/** The database of each state as one file. */
function imagesOf(file: Buffer, log: Buffer | undefined): Buffer[] {
  const images = file.length > 0 ? [file] : [];
  if (log === undefined || log.length <= logHeaderBytes) return images;
  const pageBytes = log.readUInt32BE(8);
  const salts = log.subarray(16, 24);
  const pages = new Map<number, Buffer>();
  for (let at = 0; at < file.length / pageBytes; at += 1) {
    pages.set(at + 1, file.subarray(at * pageBytes, (at + 1) * pageBytes));
  }
  for (let at = logHeaderBytes; at + frameHeaderBytes + pageBytes <= log.length; at += frameHeaderBytes + pageBytes) {
    // Frames of an earlier use of the log.
    if (!salts.equals(log.subarray(at + 8, at + 16))) break;
    const body = at + frameHeaderBytes;
    pages.set(log.readUInt32BE(at), log.subarray(body, body + pageBytes));
    const pageCount = log.readUInt32BE(at + 4);
    if (pageCount === 0) continue;
    const image = Array.from({ length: pageCount }, (_, i) => pages.get(i + 1) ?? Buffer.alloc(pageBytes));
    images.push(Buffer.concat(image));
  }
  return images;
}

/**
 * Everything that stands in some files, each thing once, so that every window of `windowBytes` of every file lies in one
 * of the pieces: database pages and what is as long, and strips across the borders between them. Copies of a home have
 * most of their pages in common.
 */
export function distinctPieces(files: readonly { path: string; bytes: Buffer }[], windowBytes: number): Buffer[] {
  const pieces = new Map<string, Buffer>();
  const add = (piece: Buffer) => pieces.set(createHash('sha256').update(piece).digest('hex'), piece);
  for (const { path, bytes } of files) {
    for (const [from, to] of bordersOf(path, bytes)) {
      add(bytes.subarray(from, to));
      if (to < bytes.length) add(bytes.subarray(Math.max(0, to - windowBytes + 1), to + windowBytes - 1));
    }
  }
  return [...pieces.values()];
}

/** A write-ahead log is cut where its frames and the pages in them begin, anything else every 4 KiB, as databases are. */
function bordersOf(path: string, bytes: Buffer): [from: number, to: number][] {
  const isLog = path.endsWith('-wal') && bytes.length > logHeaderBytes;
  const lengths = isLog ? [frameHeaderBytes, bytes.readUInt32BE(8)] : [4096];
  const borders: [number, number][] = isLog ? [[0, logHeaderBytes]] : [];
  for (let at = isLog ? logHeaderBytes : 0, i = 0; at < bytes.length; i += 1) {
    const to = Math.min(bytes.length, at + (lengths[i % lengths.length] ?? bytes.length));
    borders.push([at, to]);
    at = to;
  }
  return borders;
}

function lookAt(image: Buffer, look: (database: Database.Database) => void): void {
  const copy = Buffer.from(image);
  // In memory there is no write-ahead log: the two bytes say that the file needs none.
  copy.fill(1, 18, 20);
  const database = new Database(copy, { readonly: true });
  try {
    const isOurs = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'archive'").get() !== undefined;
    if (isOurs) look(database);
  } finally {
    database.close();
  }
}
