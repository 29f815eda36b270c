import { AppError } from '../model/errors.ts';

/** The files of a backup. Without its manifest, which is written last, a folder is no backup. */
export const databaseFile = 'database.sqlite';
/** One line of JSON for each recording that the database names: `{"name","sizeBytes"}`, and `present: false` where its bytes were missing. */
export const recordingsFile = 'blobs.jsonl';
export const manifestFile = 'manifest.json';

/** What a backup says of itself. Times in ms since the Unix epoch, digests as lower-case hex of SHA-256. */
export type BackupManifest = {
  format: 1;
  archiveId: string;
  /** Name and generation of the root key that opens the copy, and when it was named. */
  keyId: string;
  generation: number;
  sealedAt: number;
  /** When the copy was begun. What it holds was committed no earlier than the last commit before. */
  takenAt: number;
  /** How long retired root keys lived then: the copy opens at least until `takenAt + horizonMs`. */
  horizonMs: number;
  /** The last migration that the copy's schema has seen. */
  schema: string;
  database: { bytes: number; sha256: string };
  /** The recordings that the copy names: how many, their sealed bytes, how many were missing; digest of the list. */
  blobs: { count: number; bytes: number; missing: number; sha256: string };
};

/** The manifest as its file holds it. */
export function writeManifest(manifest: BackupManifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** Reads a manifest back, field by field. Throws `input_invalid` with what is wrong with it. */
export function parseManifest(bytes: Buffer): BackupManifest {
  const root = fieldsOf(parseJson(bytes), 'it');
  if (root['format'] !== 1) throw unusable('its manifest has a format that this version does not know');
  const database = fieldsOf(root['database'], 'database');
  const blobs = fieldsOf(root['blobs'], 'blobs');
  return {
    format: 1,
    archiveId: text(root, 'archiveId'),
    keyId: text(root, 'keyId'),
    generation: whole(root, 'generation'),
    sealedAt: whole(root, 'sealedAt'),
    takenAt: whole(root, 'takenAt'),
    horizonMs: whole(root, 'horizonMs'),
    schema: text(root, 'schema'),
    database: { bytes: whole(database, 'bytes'), sha256: digest(database) },
    blobs: {
      count: whole(blobs, 'count'),
      bytes: whole(blobs, 'bytes'),
      missing: whole(blobs, 'missing'),
      sha256: digest(blobs),
    },
  };
}

/** Why a folder cannot be taken for a backup. `reason` follows a colon. */
export function unusable(reason: string): AppError {
  return new AppError('input_invalid', { message: `This is not a backup that can be used: ${reason}` });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw unusable('its manifest is not JSON');
  }
}

function fieldsOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return { ...value };
  throw unusable(`its manifest is not whole (${name})`);
}

function text(from: Record<string, unknown>, field: string): string {
  const value = from[field];
  if (typeof value === 'string' && value !== '') return value;
  throw unusable(`its manifest is not whole (${field})`);
}

function whole(from: Record<string, unknown>, field: string): number {
  const value = from[field];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw unusable(`its manifest is not whole (${field})`);
}

function digest(from: Record<string, unknown>): string {
  const value = text(from, 'sha256');
  if (/^[0-9a-f]{64}$/.test(value)) return value;
  throw unusable('its manifest is not whole (sha256)');
}
