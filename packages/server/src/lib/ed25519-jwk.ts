import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { Bug } from '../model/errors.ts';
import { isRecord } from './compact-jws.ts';

/** A public key that checks signatures, as RFC 8037, section 2, writes it. `kid` is its thumbprint. */
export type Ed25519Jwk = { kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string; use: 'sig'; alg: 'EdDSA' };

const keyBytes = 32;

/** The JWK of a public Ed25519 key. Throws `Bug` for any other key. */
export function toEd25519Jwk(publicKey: KeyObject): Ed25519Jwk {
  const { kty, crv, x } = publicKey.export({ format: 'jwk' });
  if (publicKey.type !== 'public' || kty !== 'OKP' || crv !== 'Ed25519' || x === undefined) {
    throw new Bug('this is no public Ed25519 key');
  }
  return { kty, crv, x, kid: thumbprintOf(x), use: 'sig', alg: 'EdDSA' };
}

/**
 * The public key that a JWK says; undefined for one that is none of Ed25519, is meant for something else, or holds a private
 * key. What else it says is not looked at (RFC 7517, section 4).
 */
export function readEd25519Jwk(jwk: unknown): { kid: string; publicKey: KeyObject } | undefined {
  if (!isRecord(jwk) || jwk['kty'] !== 'OKP' || jwk['crv'] !== 'Ed25519' || 'd' in jwk) return undefined;
  const { x, kid, use = 'sig', alg = 'EdDSA' } = jwk;
  if (typeof x !== 'string' || use !== 'sig' || (alg !== 'EdDSA' && alg !== 'Ed25519')) return undefined;
  const bytes = Buffer.from(x, 'base64url');
  if (bytes.length !== keyBytes || bytes.toString('base64url') !== x) return undefined;
  const thumbprint = thumbprintOf(x);
  if (kid !== undefined && kid !== thumbprint) return undefined;
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return { kid: thumbprint, publicKey };
}

/** RFC 7638, section 3, with the members that RFC 8037, appendix A.3, names. */
function thumbprintOf(x: string): string {
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
}
