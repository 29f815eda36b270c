import { Type } from 'typebox';
import { type Scope, scopes } from '../../model/tenant.ts';
import { Cursor, Limit, strict } from './shapes.ts';

/* What the operations on clients and on users speak of. */

/** In requests: which scopes; `scopesIn` reads it. */
export const ScopesIn = Type.Union([
  Type.Array(Type.Enum([...scopes]), { minItems: 1, maxItems: 100 }),
  Type.Enum(['all'], { description: 'Every scope there is' }),
]);

/** In answers. */
export const ScopesOut = Type.Array(Type.Enum([...scopes]));

/** Each once, in the order of the list of all. */
export function scopesIn(given: 'all' | readonly Scope[]): Scope[] {
  return scopes.filter((scope) => given === 'all' || given.includes(scope));
}

/** Which page of a list. */
export const PageQuery = Type.Object({ cursor: Type.Optional(Cursor), limit: Type.Optional(Limit) }, strict);
