import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { type PurgeSubject, purge } from '../../engine/erasure/purge.ts';
import { callerOf } from '../bearer.ts';
import { toPurgeItem } from './map.ts';
import { parsePurgeCustomer, parsePurgeIds, parseWhatIf } from './purge-request.ts';

/** The answer says `Purging` either way; so long it waits for the keys to be destroyed. */
const waitMs = 10_000;

/**
 * `POST /purge/v1/calls`, `/purge/v1/calls/sessions` and `/purge/v1/calls/customer`, each with `?whatIf=true`.
 *
 * One item per id, in the order asked, echoing it; for a customer one per call, and none where nothing matches.
 */
export function addPurge(app: FastifyInstance, engine: Engine): void {
  const add = (path: string, subjectOf: (body: unknown) => PurgeSubject) => {
    app.post(`/purge/v1/calls${path}`, async (request) => {
      const options = { whatIf: parseWhatIf(queryOf(request)), waitMs };
      const items = await purge(engine, callerOf(request), subjectOf(request.body), options);
      return { items: items.map(toPurgeItem) };
    });
  };
  add('', (body) => ({ by: 'calls', ids: parsePurgeIds(body) }));
  add('/sessions', (body) => ({ by: 'sessions', ids: parsePurgeIds(body) }));
  add('/customer', (body) => ({ by: 'phone', phone: parsePurgeCustomer(body) }));
}

/** Fastify's own parser makes an object of every query string, an absent one too. */
function queryOf(request: FastifyRequest): Record<string, unknown> {
  return request.query as Record<string, unknown>;
}
