import { generateKeyPairSync } from 'node:crypto';
import { type Ed25519Jwk, toEd25519Jwk } from '../../lib/ed25519-jwk.ts';
import { AppError } from '../../model/errors.ts';
import { fillArchiveKey } from '../access/archive-keys.ts';
import { archiveOwner } from '../access/signing-key.ts';
import type { Engine } from '../context.ts';
import type { KeyPair } from '../secrets.ts';

const kind = 'receipt-key';

/** The Ed25519 pair that signs receipts, made where there is none. It lives as long as the archive. */
export async function receiptKey(engine: Engine): Promise<KeyPair> {
  const known = await engine.secrets.keyPair(archiveOwner, kind);
  if (known !== undefined) return known;
  await fillArchiveKey(engine, kind, newPrivateKey);
  const made = await engine.secrets.keyPair(archiveOwner, kind);
  if (made === undefined) throw new AppError('damage', { detail: `the ${kind} is missing` });
  return made;
}

/** The keys that check receipts, for everybody (RFC 7517, section 5). */
export async function receiptKeys(engine: Engine): Promise<{ keys: Ed25519Jwk[] }> {
  return { keys: [toEd25519Jwk((await receiptKey(engine)).publicKey)] };
}

/** Some 50 microseconds: nothing to leave the main thread for. */
async function newPrivateKey(): Promise<Buffer> {
  return generateKeyPairSync('ed25519', {
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  }).privateKey;
}
