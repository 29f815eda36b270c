import { createHash } from 'node:crypto';

/** How a Content-Security-Policy names one inline style or script: by the hash of its text (CSP Level 3, section 2.3.1). */
export function cspSourceOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;
}
