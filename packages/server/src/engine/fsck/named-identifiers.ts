import type { Identifier } from '../../model/call.ts';
import { isCustomer } from '../../model/customer.ts';
import type { IdentifierKind } from '../../model/token-store.ts';

/** What a call's correlation may name it by, under the name that every surface uses. */
const correlationNames: Readonly<Record<string, IdentifierKind>> = {
  sessionId: 'session',
  externalId: 'external',
  masterCallId: 'master',
  caseReferenceId: 'case',
  collectionId: 'collection',
};

/**
 * The identifiers that a call must be found by: the ids that its correlation names, and phone and e-mail of each
 * participant who is not the tenant's own. Values are as the client gave them, personal.
 *
 * @param details undefined where an erasure has taken them.
 */
export function namedIdentifiers(correlation: unknown, details: unknown): Identifier[] {
  const named: [IdentifierKind, unknown][] = [];
  const fields = fieldsOf(correlation);
  for (const [name, kind] of Object.entries(correlationNames)) named.push([kind, fields[name]]);
  const { contacts, participants } = fieldsOf(details);
  for (const person of [contacts, participants].flatMap((list) => (Array.isArray(list) ? list : []))) {
    const { type, role, phoneNumber, phone, email } = fieldsOf(person);
    if (!isCustomer(String(type ?? role ?? ''))) continue;
    named.push(['phone', phoneNumber ?? phone], ['email', email]);
  }
  return toIdentifiers(named);
}

/**
 * The identifiers that a candidate must be found by: every number that it may be dialled under, and the client's own id.
 *
 * @param details undefined where an erasure has taken them.
 */
export function namedOfCandidate(correlation: unknown, details: unknown): Identifier[] {
  const { phones } = fieldsOf(details);
  const { clientExternalId } = fieldsOf(correlation);
  const named: [IdentifierKind, unknown][] = [['external', clientExternalId]];
  for (const phone of Array.isArray(phones) ? phones : []) named.push(['phone', phone]);
  return toIdentifiers(named);
}

/** What is no text, or empty, names nothing. */
function toIdentifiers(named: readonly [IdentifierKind, unknown][]): Identifier[] {
  return named.flatMap(([kind, value]) => (typeof value === 'string' && value !== '' ? [{ kind, value }] : []));
}

/**
 * Every text and number anywhere in these JSON values, as an identifier of this kind: whatever a call is found by, it
 * must be among them. Goes as deep as the values do, without recursion.
 */
export function possibleIdentifiers(kind: IdentifierKind, values: readonly unknown[]): Identifier[] {
  const found: Identifier[] = [];
  const open = [...values];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string' || typeof value === 'number') found.push({ kind, value: String(value) });
    else if (typeof value === 'object' && value !== null) open.push(...Object.values(value));
  }
  return found;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
