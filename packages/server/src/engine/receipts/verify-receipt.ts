import { createHash, type KeyObject, verify } from 'node:crypto';
import { isRecord, readJson, splitCompactJws } from '../../lib/compact-jws.ts';
import { readEd25519Jwk } from '../../lib/ed25519-jwk.ts';
import { type ReceiptClaims, rangesText, readReceiptClaims } from './receipt-claims.ts';
import { receiptHeader, signatureBytes } from './receipt-jws.ts';

/** Why a receipt is none. */
export const receiptFaults = {
  malformed: 'it is not a signature in compact form (three parts of base64url with dots between them)',
  header: 'its header is not the one that a receipt has (alg EdDSA, typ tacet-receipt+jwt, and a kid)',
  key: 'the key that it names is not among the given ones',
  signature: 'its signature is not that of the key that it names: it was changed, or signed by somebody else',
  claims: 'what is signed is no receipt, or one of another version',
} as const;
export type ReceiptFault = keyof typeof receiptFaults;

export type ReceiptVerdict = { claims: ReceiptClaims; kid: string } | { fault: ReceiptFault };

/** Public keys by their thumbprint. */
export type ReceiptKeys = ReadonlyMap<string, KeyObject>;

/** A receipt of 5,000 ranges of the largest slots is a quarter of it. */
const lengthMax = 1024 * 1024;

/**
 * The keys of a JWKS (RFC 7517, section 5) that can check receipts; others are passed over. Undefined for what is no JWKS, and
 * for one without any such key.
 */
export function readReceiptKeys(bytes: Uint8Array): ReceiptKeys | undefined {
  const set = readJson(bytes);
  if (!isRecord(set) || !Array.isArray(set['keys'])) return undefined;
  const keys = new Map<string, KeyObject>();
  for (const jwk of set['keys']) {
    const key = readEd25519Jwk(jwk);
    if (key !== undefined) keys.set(key.kid, key.publicKey);
  }
  return keys.size === 0 ? undefined : keys;
}

/** Checks a receipt with these keys and nothing else: no archive, no clock, no network. */
export function verifyReceipt(receipt: string, keys: ReceiptKeys): ReceiptVerdict {
  const parts = splitCompactJws(receipt, { lengthMax, signatureBytes });
  if (parts === undefined) return { fault: 'malformed' };
  const kid = kidIn(parts.header);
  if (kid === undefined || parts.header !== receiptHeader(kid)) return { fault: 'header' };
  const key = keys.get(kid);
  if (key === undefined) return { fault: 'key' };
  if (!verify(null, parts.signed, key, parts.signature)) return { fault: 'signature' };
  const claims = readReceiptClaims(readJson(parts.payload));
  if (claims === undefined || !areRangesTrue(claims)) return { fault: 'claims' };
  return { claims, kid };
}

function kidIn(header: string): string | undefined {
  const value = readJson(Buffer.from(header, 'base64url'));
  return isRecord(value) && typeof value['kid'] === 'string' ? value['kid'] : undefined;
}

function areRangesTrue({ slots: { ranges, sha256 } }: ReceiptClaims): boolean {
  return ranges === undefined || createHash('sha256').update(rangesText(ranges)).digest('hex') === sha256;
}
