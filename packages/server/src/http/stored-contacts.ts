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
  /** Where the client gave it in one piece. */
  name: string | null;
};

/** The participants in a call's details, by place: a turn of the transcript names its speaker by it. */
export function storedContacts(details: JsonObject | null): StoredContact[] {
  const contacts = details?.['contacts'] ?? details?.['participants'];
  return Array.isArray(contacts) ? contacts.map(contactOf) : [];
}

/** First and last name, or the name in one piece; null where there is none. */
export function nameOf({ firstName, lastName, name }: Pick<StoredContact, 'firstName' | 'lastName' | 'name'>) {
  const parts = [firstName, lastName].flatMap((part) => part?.trim() || []).join(' ');
  return parts || name?.trim() || null;
}

/** Platforms that archive natively say `role` and `phone` where Creovai's clients say `type` and `phoneNumber`. */
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
    type: text('type') ?? text('role'),
    referenceId: text('referenceId'),
    channel: text('channel'),
    phoneNumber: text('phoneNumber') ?? text('phone'),
    email: text('email'),
    firstName: text('firstName'),
    lastName: text('lastName'),
    name: text('name'),
  };
}
