import type { RootKeyName } from '../model/vault.ts';
import {
  archiveFile,
  damaged,
  isWrapped,
  parseName,
  readArchive,
  readHead,
  readKey,
  readNamed,
  readSegment,
} from './vault-files.ts';

/** What tells a whole file from a damaged one, beside its own content. */
export type CheckWith = {
  /** Opens wrapped keys; without it no more than their size is looked at. */
  masterKey?: Uint8Array | undefined;
  /** True for bytes that can be a locked key. */
  isLocked: (sealed: Uint8Array) => boolean;
};

/**
 * Throws `damage` for a vault file that is not what its name says, as far as its kind lets one tell: a locked key by its
 * form, a wrapped one under another master key by `config_invalid`.
 */
export function checkFile(file: string, bytes: Buffer, on: CheckWith): void {
  const name = parseName(file);
  if (file === archiveFile) readArchive(bytes);
  else if (name?.kind === 'head') checkHead(file, bytes, name);
  else if (name?.kind === 'segment') checkSegment(file, bytes, name);
  else if (name?.kind === 'key') checkKey(bytes, name, on.masterKey);
  else if (name?.kind === 'locked' && !on.isLocked(bytes)) throw damaged(file, 'is cut short or no locked key');
}

function checkHead(file: string, bytes: Buffer, name: RootKeyName): void {
  const head = readHead(bytes, file);
  if (head.keyId !== name.id || head.generation !== name.generation) throw damaged(file, 'holds another head');
}

function checkSegment(file: string, bytes: Buffer, name: RootKeyName): void {
  readNamed(bytes, file, name);
  readSegment(bytes, file);
}

function checkKey(bytes: Buffer, name: RootKeyName, masterKey: Uint8Array | undefined): void {
  if (isWrapped(bytes, name) && masterKey === undefined) return;
  readKey(bytes, name, isWrapped(bytes, name) ? masterKey : undefined).fill(0);
}
