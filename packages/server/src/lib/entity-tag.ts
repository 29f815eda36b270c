import { createHash } from 'node:crypto';

/** The strong validator of a text: its SHA-256 as an ETag (RFC 9110, section 8.8.3). */
export function entityTagOf(text: string): string {
  return `"${createHash('sha256').update(text, 'utf8').digest('base64url')}"`;
}

/** True where an `If-None-Match` names this tag, weak or strong, or any at all (RFC 9110, section 13.1.2). */
export function namesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
}
