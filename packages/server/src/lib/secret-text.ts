import { randomBytes, randomInt } from 'node:crypto';

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
const clientIdLength = 24;

/**
 * A new client secret: 256 random bits as base64url behind `tacet_cs_`, 52 characters in all.
 *
 * The prefix lets secret scanners and people recognise a leaked one. Every character passes unchanged through form
 * encoding, JSON and a shell, because clients are known to forget the escaping.
 */
export function newSecret(): string {
  return `tacet_cs_${randomText()}`;
}

/** A new password of a user, for the same reasons of the same strength and form, behind `tacet_pw_`. */
export function newPassword(): string {
  return `tacet_pw_${randomText()}`;
}

/** A new client id: `ci_` and 24 random lower-case letters and digits (124 bits). Public: it names, it proves nothing. */
export function newClientId(): string {
  // randomInt draws without modulo bias.
  const characters = Array.from({ length: clientIdLength }, () => alphabet.charAt(randomInt(alphabet.length)));
  return `ci_${characters.join('')}`;
}

function randomText(): string {
  return randomBytes(32).toString('base64url');
}
