import { receiptType } from './receipt-claims.ts';

/** Of Ed25519 (RFC 8032, section 5.1.6). */
export const signatureBytes = 64;

/** The one header that a receipt under this key has. The algorithm is ours to say; a receipt chooses nothing but the key. */
export function receiptHeader(kid: string): string {
  return Buffer.from(JSON.stringify({ alg: 'EdDSA', typ: receiptType, kid })).toString('base64url');
}
