import type { JsonObject } from '../engine/archive/new-call.ts';

/** A participant as it was archived; null for what its client did not say. All personal. */
export type StoredContact = {
  type: string | null;
  referenceId: string | null;
  /** The audio channel, in the client's own counting. */
  channel: string | null;
  phoneNumber: string | null;
  email: string | null;
  firstName: string | null;
  lastName: string | null;
};

/** The participants in a call's details, by place: a turn of the transcript names its speaker by it. */
export function storedContacts(details: JsonObject | null): StoredContact[] {
  const contacts = details?.['contacts'] ?? details?.['participants'];
  return Array.isArray(contacts) ? contacts.map(contactOf) : [];
}

/** First and last name; null where there is neither. */
export function nameOf({ firstName, lastName }: Pick<StoredContact, 'firstName' | 'lastName'>): string | null {
  const name = [firstName, lastName].flatMap((part) => part?.trim() || []).join(' ');
  return name === '' ? null : name;
}

function contactOf(contact: unknown): StoredContact {
  const fields: ReadonlyMap<string, unknown> = new Map(
    typeof contact === 'object' && contact !== null ? Object.entries(contact) : [],
  );
  const text = (name: string) => {
    const value = fields.get(name);
    if (typeof value === 'number') return String(value);
    return typeof value === 'string' ? value : null;
  };
  return {
    type: text('type'),
    referenceId: text('referenceId'),
    channel: text('channel'),
    phoneNumber: text('phoneNumber'),
    email: text('email'),
    firstName: text('firstName'),
    lastName: text('lastName'),
  };
}
