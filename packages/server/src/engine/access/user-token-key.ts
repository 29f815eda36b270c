import { generateKeyPair } from 'node:crypto';
import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import type { KeyPair } from '../secrets.ts';
import { fillArchiveKey } from './archive-keys.ts';
import { archiveOwner } from './signing-key.ts';

const kind = 'user-token-key';

/** The RSA key pair that signs the tokens of users; undefined where nobody has needed one yet. */
export async function userTokenKey(engine: Engine): Promise<KeyPair | undefined> {
  return await engine.secrets.keyPair(archiveOwner, kind);
}

/**
 * The same, made where there is none. Its row comes first, and any process may seal a key in it, so that one that died in
 * between leaves nothing to repair. Of several that make one at once the first to commit has made it for all.
 */
export async function ensureUserTokenKey(engine: Engine): Promise<KeyPair> {
  const known = await userTokenKey(engine);
  if (known !== undefined) return known;
  await fillArchiveKey(engine, kind, newPrivateKey);
  const made = await userTokenKey(engine);
  if (made === undefined) throw new AppError('damage', { detail: `the ${kind} is missing` });
  return made;
}

/** A new RSA key of 2048 bits, as RS512 asks for at least (RFC 7518, section 3.3): PKCS #8, DER. Off the main thread. */
function newPrivateKey(): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    generateKeyPair(
      'rsa',
      {
        modulusLength: 2_048,
        publicKeyEncoding: { format: 'der', type: 'spki' },
        privateKeyEncoding: { format: 'der', type: 'pkcs8' },
      },
      (error, _publicKey, privateKey) => (error === null ? resolve(privateKey) : reject(error)),
    );
  });
}
