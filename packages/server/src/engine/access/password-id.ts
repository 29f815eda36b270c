import { createHash } from 'node:crypto';
import type { User } from '../../model/tenant.ts';

const idBytes = 16;

/**
 * Names the password that a user has now, and tells nothing of it: base64url of 16 bytes of SHA-256 over the PHC string,
 * which has a random salt that nobody outside knows. The same password set again has another id.
 *
 * What a user is issued is bound to it and not to a count of changes: after a restore of an older copy a count reaches the
 * same number again, and would revive what was issued in the time that was lost.
 */
export function passwordIdOf({ passwordHash }: Pick<User, 'passwordHash'>): string {
  const digest = createHash('sha256').update(`tacet password id ${passwordHash}`).digest();
  return digest.subarray(0, idBytes).toString('base64url');
}
