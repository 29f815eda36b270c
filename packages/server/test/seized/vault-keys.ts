/** Root keys out of the files of a vault, read as the documents describe them. */
import { basename } from 'node:path';
import { Decrypter } from 'age-encryption';
import type { TakenFile } from './loot.ts';
import { keyBytes, openGcm } from './openers.ts';

/** What may be in hand beside the files. */
export type InHand = { masterKey?: Uint8Array; identities?: readonly string[] };

/** Every root key that can be read: raw, wrapped by the master key, or locked away to an identity in hand. */
export async function rootKeysIn(files: readonly TakenFile[], { masterKey, identities }: InHand): Promise<Buffer[]> {
  const keys: Buffer[] = [];
  for (const { path, bytes } of files) {
    const [kind] = basename(path).split('-');
    const plain = kind === 'locked' ? await unlocked(bytes, identities ?? []) : bytes;
    const key = kind === 'key' || kind === 'locked' ? plain && keyIn(plain, masterKey) : undefined;
    if (key !== undefined) keys.push(key);
  }
  return keys;
}

/** A line of JSON and the key's 32 bytes; or, wrapped, nonce, ciphertext and tag, bound to that line. */
function keyIn(bytes: Buffer, masterKey: Uint8Array | undefined): Buffer | undefined {
  const end = bytes.indexOf('\n') + 1;
  const [line, body] = [bytes.subarray(0, end), bytes.subarray(end)];
  if (body.length === keyBytes) return body;
  return masterKey && openGcm(masterKey, body.subarray(0, 12), body.subarray(12), line);
}

async function unlocked(sealed: Buffer, identities: readonly string[]): Promise<Buffer | undefined> {
  for (const identity of identities) {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    try {
      return Buffer.from(await decrypter.decrypt(sealed));
    } catch {
      // Sealed to somebody else.
    }
  }
  return undefined;
}
