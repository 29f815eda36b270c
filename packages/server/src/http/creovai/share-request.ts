import { invalidField, optionalString, readFields } from '../json-in.ts';

/**
 * The call that a share request names, from parsed JSON: `{"email", "interactionId"}` or `{"email", "callId"}`.
 *
 * Names are taken in any case. Throws `input_invalid` unless both are strings, the id is not empty and the address has
 * an `@`; which address it is interests nobody.
 */
export function parseShareRequest(body: unknown, idName: string): string {
  const fields = readFields(body);
  const callId = optionalString(fields, idName);
  if (callId === undefined || callId === '') throw invalidField(fields.pathOf(idName), 'is required');
  if (!optionalString(fields, 'email')?.includes('@')) {
    throw invalidField(fields.pathOf('email'), 'is required and must be an e-mail address');
  }
  return callId;
}
