import type { Identifier } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import { emailValue, understandPhone } from '../../model/phone.ts';
import type { Caller, Engine } from '../context.ts';
import { type Resolved, resolveCalls, resolveCustomer, resolveSessions } from './resolve.ts';

/** How a purge names its calls. */
export type PurgeSubject =
  | { by: 'calls'; ids: readonly string[] }
  | { by: 'sessions'; ids: readonly string[] }
  /** Every call that carries any of the numbers or e-mails. */
  | { by: 'customer'; phones: readonly string[]; emails: readonly string[] };

/** One thing as asked: by call id or by session id, echoed verbatim, or found of a customer. */
export type Named = { asked: string | null; sessionAsked: string | null; is: Resolved };

/**
 * What a subject names, in the order asked; of a customer in the order of age. Throws `input_invalid` for a phone without
 * a digit and for a blank e-mail, which could match nobody.
 */
export async function nameSubject(engine: Engine, caller: Caller, subject: PurgeSubject): Promise<Named[]> {
  switch (subject.by) {
    case 'calls': {
      const found = await resolveCalls(engine, caller, subject.ids);
      return subject.ids.map((asked, i) => ({ asked, sessionAsked: null, is: found[i] ?? { kind: 'unknown' } }));
    }
    case 'sessions': {
      const found = await resolveSessions(engine, caller, subject.ids);
      return subject.ids.map((id, i) => ({ asked: null, sessionAsked: id, is: found[i] ?? { kind: 'unknown' } }));
    }
    case 'customer': {
      const ids = await resolveCustomer(engine, engine.store.reads, caller, customerOf(caller, subject));
      const found = await resolveCalls(engine, caller, ids);
      // A hold that carried the number and was released meanwhile is no call: nobody named it.
      return found.flatMap((is) => (is.kind === 'unknown' ? [] : [{ asked: null, sessionAsked: null, is }]));
    }
  }
}

function customerOf(
  { tenant }: Caller,
  { phones, emails }: { phones: readonly string[]; emails: readonly string[] },
): Identifier[] {
  if (phones.some((phone) => understandPhone(phone, tenant.region) === undefined)) {
    throw new AppError('input_invalid', { message: 'A phone number has no digit' });
  }
  if (emails.some((email) => emailValue(email) === undefined)) {
    throw new AppError('input_invalid', { message: 'An e-mail is blank' });
  }
  return [
    ...phones.map((value): Identifier => ({ kind: 'phone', value })),
    ...emails.map((value): Identifier => ({ kind: 'email', value })),
  ];
}
