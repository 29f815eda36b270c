import { Type } from 'typebox';
import type { Named, SubjectKind } from '../../engine/plans/subject.ts';
import { AppError } from '../../model/errors.ts';
import { strict } from './shapes.ts';

/** Identifiers that one body may name. More come as a file. */
const namedMax = 10_000;

const List = (what: string) =>
  Type.Optional(Type.Array(Type.String({ maxLength: 512 }), { maxItems: namedMax, description: what }));

/** Whom or what it is about. Each list is optional; 10,000 identifiers in all. */
export const subjectFields = {
  calls: List('Ids of calls'),
  sessions: List('Session ids, as their platforms gave them'),
  externalIds: List('External ids'),
  phones: List('Phone numbers, however they are written'),
  emails: List('E-mail addresses'),
  candidates: List('Ids of candidates; each with all its calls'),
};

export const Subject = Type.Object(subjectFields, strict);

const kinds: ReadonlyMap<string, SubjectKind> = new Map([
  ['calls', 'call'],
  ['sessions', 'session'],
  ['externalIds', 'external'],
  ['phones', 'phone'],
  ['emails', 'email'],
  ['candidates', 'candidate'],
]);

/** An identifier, and where in the request it stands. */
export type NamedAt = Named & { path: string };

/**
 * The identifiers of a subject in the order of its lists as they were written. Fields that are no lists are left to the
 * caller. Throws `input_invalid` for more than 10,000.
 */
export function namedIn(subject: object): NamedAt[] {
  const named = Object.entries(subject).flatMap(([list, values]): NamedAt[] => {
    const kind = kinds.get(list);
    if (kind === undefined || !Array.isArray(values)) return [];
    return values.map((given, i) => ({ kind, given: String(given), path: `subject.${list}[${i}]` }));
  });
  if (named.length > namedMax) {
    throw new AppError('input_invalid', {
      message: `subject must name at most ${namedMax} identifiers; send more as a file`,
    });
  }
  return named;
}
