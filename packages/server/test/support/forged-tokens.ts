import { createHmac, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import {
  type AccessTokenContext,
  type AccessTokenFault,
  type AccessTokenGrant,
  verifyAccessToken,
} from '../../src/lib/access-token.ts';
import { newId } from '../../src/lib/ids.ts';
import { AppError } from '../../src/model/errors.ts';

export const startMs = 1_750_000_000_250;
export const issuedAt = Math.floor(startMs / 1_000);
export const secretKey = new Uint8Array(randomBytes(32));
export const oldKey = new Uint8Array(randomBytes(32));
export const tenantId = newId(startMs);
export const grant: AccessTokenGrant = {
  subjectKind: 'client',
  clientId: 'ci_0123456789abcdefghijklmn',
  tenantId,
  scopes: ['calls:read', 'erasures:execute'],
  lifetimeSeconds: 1_799,
};

export function contextAt(now: number): AccessTokenContext {
  return {
    keys: [
      { kid: 'k2', key: secretKey },
      { kid: 'k1', key: oldKey },
    ],
    clock: { now: () => now },
  };
}
export const context = contextAt(startMs);

export const goodHeader = { alg: 'HS256', kid: 'k2', typ: 'at+jwt' };
export const goodClaims = {
  iss: 'tacet',
  sub: 'ci_a',
  sub_kind: 'client',
  tid: tenantId,
  scope: 'calls:read',
  iat: issuedAt,
  exp: issuedAt + 60,
  jti: newId(startMs),
};

export function encode(part: unknown): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}

/** A token made without our code, and signed properly whatever it says. */
export function forge(header: unknown, claims: unknown, key: Uint8Array | string = secretKey, hash = 'sha256'): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac(hash, key).update(input).digest('base64url')}`;
}

export async function faultOf(token: string, from: AccessTokenContext = context): Promise<AccessTokenFault | string> {
  try {
    await verifyAccessToken(from, token);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe('token_invalid');
    expect(error.cause).toBeUndefined();
    // No piece of the token may be in what is thrown.
    for (const part of token.split('.')) {
      if (part.length > 8) expect(`${error.message} ${error.detail} ${error.stack}`).not.toContain(part);
    }
    return error.detail ?? 'no detail';
  }
}
