import type { FastifyInstance } from 'fastify';
import { listUsers, readUser, type UserProfile } from '../../engine/access/users.ts';
import type { Engine } from '../../engine/context.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf, within } from '../bearer.ts';
import { envelopeOf, listingOf, listOf, plainQuery, type Query } from './list-params.ts';

const limits = { limitMax: 1000, limitDefault: 1000 } as const;

/**
 * A user as the vendor's SDK types one: it takes no null for a name or an e-mail. We keep no names, so they are empty; the
 * roles are the scopes.
 */
type TwinUser = {
  id: number;
  companyId: number;
  firstName: string;
  lastName: string;
  middleName: string;
  email: string;
  phone: null;
  roles: { name: string; company_id: number }[];
  settings: Record<string, never>;
  avatar: null;
};

/**
 * `GET users/me`, `GET users/{id}` and `GET users`.
 *
 * Whoever is no administrator sees themselves: others are 403, there or not. 404 for a user of another company, one that is
 * disabled, and for `me` where the token is a program's.
 */
export function addUsers(app: FastifyInstance, engine: Engine): void {
  app.get('/users/me', async (request) => {
    const caller = callerOf(request);
    return toTwinUser(await readUser(engine, caller, 'me'), caller.tenant.number);
  });
  app.get<{ Params: { id: string } }>('/users/:id', async (request) => {
    const caller = callerOf(request);
    return toTwinUser(await readUser(engine, caller, { number: numberOf(request.params.id) }), caller.tenant.number);
  });
  app.get<{ Querystring: Query }>('/users', { onRequest: within('admin') }, async (request) => {
    const caller = callerOf(request);
    const query = plainQuery(request.query);
    const listing = listingOf(query, limits);
    const all = (await listUsers(engine, caller)).map((profile) => toTwinUser(profile, caller.tenant.number));
    const users = all.filter((user) => isAskedFor(user, query));
    return envelopeOf(listing, users.length, users.slice(listing.offset, listing.offset + listing.limit));
  });
}

/** Lists of numbers and words with commas between; what is not given asks for everybody. Nobody knows who is online. */
function isAskedFor(user: TwinUser, query: Query): boolean {
  const [ids, companies, roles] = [listOf(query, 'userId'), listOf(query, 'companyId'), listOf(query, 'roles')];
  if (ids !== undefined && !ids.includes(String(user.id))) return false;
  if (companies !== undefined && !companies.includes(String(user.companyId))) return false;
  return roles === undefined || user.roles.some((role) => roles.includes(role.name));
}

function toTwinUser({ user, email }: UserProfile, companyId: number): TwinUser {
  return {
    id: user.number,
    companyId,
    firstName: '',
    lastName: '',
    middleName: '',
    email: email ?? '',
    phone: null,
    roles: user.scopes.map((name) => ({ name, company_id: companyId })),
    settings: {},
    avatar: null,
  };
}

function numberOf(id: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(id)) throw new AppError('user_not_found');
  return Number(id);
}
