import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '../model/errors.ts';
import type { JournalEntry } from '../model/key-store.ts';
import type { Head, RootKeyName, VaultKey } from '../model/vault.ts';

/*
 * The vault's files, by name and content. A key file is a line of JSON and then the key's 32 raw bytes (or, under a
 * master key, nonce, ciphertext and tag). The line commits to the key by a digest, so that a key of which a bit has
 * rotted is told from a whole one; of 32 random bytes a digest betrays nothing. A locked one is an age file whose plaintext is such a file without a master
 * key. The others are JSON alone.
 */

export const archiveFile = 'archive';
export const tempSuffix = '.tmp';
/** Of what is being destroyed: a temporary name, so that it is destroyed at the next start if its process dies. */
export const goneSuffix = `.gone${tempSuffix}`;

/** What the commitment to a root key begins with, so that it is the digest of nothing else. */
const commitmentTag = 'tacet root key v1\0';

/** Bytes of a root key, and of one under a master key: nonce, ciphertext, tag. */
const keyBytes = 32;
const wrappedBytes = 12 + keyBytes + 16;

export type FileKind = 'key' | 'locked' | 'segment' | 'head';

/** `key-000000000007-<id>`: sorts by generation. */
export function fileName(kind: FileKind, name: RootKeyName): string {
  return `${kind}-${String(name.generation).padStart(12, '0')}-${name.id}`;
}

/** What a file's name says; undefined for the archive file, temporary files and whatever is not ours. */
export function parseName(file: string): (RootKeyName & { kind: FileKind }) | undefined {
  const match = /^(key|locked|segment|head)-(\d{12})-([0-9a-f]{32})$/.exec(file);
  const [, kind, generation, id] = match ?? [];
  // The pattern has just named all kinds.
  return id === undefined ? undefined : { kind: kind as FileKind, id, generation: Number(generation) };
}

/** The names of one kind among a folder's files, by generation. Temporary files are not among them. */
export function namesOf(kind: FileKind, files: Iterable<string>): RootKeyName[] {
  const names: RootKeyName[] = [];
  for (const file of files) {
    const name = parseName(file);
    if (name?.kind === kind) names.push({ id: name.id, generation: name.generation });
  }
  return byGeneration(names);
}

/** Root keys among a folder's files, each once, by generation: locked where nothing but the locked one is there. */
export function keysAmong(files: Iterable<string>): VaultKey[] {
  const keys = new Map<string, VaultKey>();
  for (const file of files) {
    const name = parseName(file);
    if (name?.kind !== 'key' && name?.kind !== 'locked') continue;
    const isLocked = name.kind === 'locked' && keys.get(name.id)?.isLocked !== false;
    keys.set(name.id, { id: name.id, generation: name.generation, isLocked });
  }
  return byGeneration([...keys.values()]);
}

function byGeneration<T extends RootKeyName>(names: T[]): T[] {
  return names.sort((a, b) => a.generation - b.generation || (a.id < b.id ? -1 : 1));
}

export function writeArchive(archiveId: string): Buffer {
  return Buffer.from(`${JSON.stringify({ format: 1, archiveId })}\n`);
}

export function readArchive(bytes: Buffer): string {
  return text(record(bytes, archiveFile), 'archiveId', archiveFile);
}

export function writeHead(archiveId: string, head: Head): Buffer {
  return Buffer.from(`${JSON.stringify({ format: 1, archiveId, ...head })}\n`);
}

export function readHead(bytes: Buffer, file: string): Head {
  const head = record(bytes, file);
  return {
    generation: whole(head, 'generation', file),
    keyId: text(head, 'keyId', file),
    sealedAt: whole(head, 'sealedAt', file),
  };
}

export function writeSegment(archiveId: string, name: RootKeyName, entries: readonly JournalEntry[]): Buffer {
  const header = { format: 1, archiveId, ...name, entries: entries.length };
  return Buffer.from([header, ...entries].map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** The entries of a segment; throws `damage` when there are not as many as its first line says. */
export function readSegment(bytes: Buffer, file: string): JournalEntry[] {
  const lines = bytes.toString('utf8').trimEnd().split('\n');
  const header = record(Buffer.from(lines[0] ?? ''), file);
  if (whole(header, 'entries', file) !== lines.length - 1) throw damaged(file, 'is cut short');
  // The vault is ours alone: a line that parses is an entry that we wrote.
  return lines.slice(1).map((line) => record(Buffer.from(line), file) as JournalEntry);
}

/** A key file. With a master key the key is wrapped by AES-256-GCM, bound to the file's first line. */
export function writeKey(archiveId: string, name: RootKeyName, key: Uint8Array, masterKey?: Uint8Array): Buffer {
  const commitment = commitmentTo(key).toString('hex');
  const header = { format: 1, archiveId, ...name, wrapped: masterKey !== undefined, commitment };
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  return Buffer.concat([line, masterKey === undefined ? key : wrap(masterKey, line, key)]);
}

/**
 * The key of a key file, a copy that the caller wipes. Throws `damage`, also for a file that holds a key of another name,
 * or `config_invalid` for a missing or wrong master key.
 */
export function readKey(bytes: Buffer, name: RootKeyName, masterKey?: Uint8Array): Buffer {
  const file = fileName('key', name);
  const { line, header, body } = readNamed(bytes, file, name);
  if (isWrapped(bytes, name) !== (masterKey !== undefined)) {
    const message =
      masterKey === undefined
        ? 'The root keys are wrapped; set TACET_MASTER_KEY_FILE'
        : 'The root keys are not wrapped; unset TACET_MASTER_KEY_FILE';
    throw new AppError('config_invalid', { message });
  }
  const key = masterKey === undefined ? Buffer.from(body) : unwrap(masterKey, line, body);
  if (key === undefined) throw new AppError('config_invalid', { message: 'TACET_MASTER_KEY_FILE holds another key' });
  return committed(key, header, file);
}

/** True for a key file under a master key. Throws `damage` for one that is no key file of this name, or cut short. */
export function isWrapped(bytes: Buffer, name: RootKeyName): boolean {
  const file = fileName('key', name);
  const { header, body } = readNamed(bytes, file, name);
  const isUnderMasterKey = header['wrapped'] === true;
  if (body.length !== (isUnderMasterKey ? wrappedBytes : keyBytes)) throw damaged(file, 'has no key of 32 bytes');
  return isUnderMasterKey;
}

/**
 * The key in what a locked file says once it is opened, a copy that the caller wipes. Throws `damage` where that is not
 * this archive's key of this name.
 */
export function readUnlocked(plain: Buffer, name: RootKeyName, archiveId: string): Buffer {
  const file = fileName('locked', name);
  const { header, body } = readNamed(plain, file, name);
  if (header['archiveId'] !== archiveId) throw damaged(file, 'holds a key of another archive');
  if (header['wrapped'] !== false || body.length !== keyBytes) throw damaged(file, 'has no key of 32 bytes');
  return committed(Buffer.from(body), header, file);
}

/** The key, once it is the one that the header commits to; wiped where it is not. Older files carry no commitment. */
function committed(key: Buffer, header: Record<string, unknown>, file: string): Buffer {
  const commitment = header['commitment'];
  if (commitment === undefined) return key;
  const expected = Buffer.from(typeof commitment === 'string' ? commitment : '', 'hex');
  const actual = commitmentTo(key);
  if (expected.length === actual.length && timingSafeEqual(expected, actual)) return key;
  key.fill(0);
  throw damaged(file, 'holds a key that is not the one it was written with');
}

function commitmentTo(key: Uint8Array): Buffer {
  return createHash('sha256').update(commitmentTag).update(key).digest();
}

/**
 * A file's first line, as it is and as JSON, and what follows it. Throws `damage` where the line does not parse or names
 * another key.
 */
export function readNamed(bytes: Buffer, file: string, name: RootKeyName) {
  const end = bytes.indexOf(0x0a) + 1;
  const line = bytes.subarray(0, end);
  const header = record(line, file);
  if (header['id'] !== name.id || header['generation'] !== name.generation) throw damaged(file, 'holds another key');
  return { line, header, body: bytes.subarray(end) };
}

function wrap(masterKey: Uint8Array, line: Uint8Array, key: Uint8Array): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(line);
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
}

function unwrap(masterKey: Uint8Array, line: Uint8Array, body: Buffer): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', masterKey, body.subarray(0, 12)).setAAD(line);
  decipher.setAuthTag(body.subarray(-16));
  const key = decipher.update(body.subarray(12, -16));
  try {
    decipher.final();
    return key;
  } catch {
    key.fill(0);
    return undefined;
  }
}

function record(bytes: Buffer, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Falls through: what does not parse is damaged like what parses to something else.
  }
  throw damaged(file, 'is not readable');
}

function text(from: Record<string, unknown>, field: string, file: string): string {
  const value = from[field];
  if (typeof value !== 'string') throw damaged(file, `has no ${field}`);
  return value;
}

function whole(from: Record<string, unknown>, field: string, file: string): number {
  const value = from[field];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged(file, `has no ${field}`);
  return value;
}

/** The error for a vault file that is not what its name says. */
export function damaged(file: string, what: string): AppError {
  return new AppError('damage', { detail: `vault file ${file} ${what}` });
}
