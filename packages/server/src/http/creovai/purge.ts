import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { type PurgeItem, purge } from '../../engine/erasure/purge.ts';
import { callerOf } from '../bearer.ts';
import { type InteractionPurgeItem, type PurgeAnswerItem, toInteractionPurgeItem, toPurgeItem } from './purge-items.ts';
import {
  type PurgeRequest,
  parseCustomerPurge,
  parseInteractionPurge,
  parsePurgeCustomer,
  parsePurgeIds,
  parseWhatIf,
} from './purge-request.ts';

/** The answer says `Purging` either way; so long it waits for the keys to be destroyed. */
const waitMs = 10_000;

type Route = {
  path: string;
  read: (body: unknown) => PurgeRequest;
  toItem: (item: PurgeItem) => PurgeAnswerItem | InteractionPurgeItem;
};

const routes: readonly Route[] = [
  {
    path: '/purge/v1/calls',
    read: (body) => whole({ by: 'calls', ids: parsePurgeIds(body) }),
    toItem: toPurgeItem,
  },
  {
    path: '/purge/v1/calls/sessions',
    read: (body) => whole({ by: 'sessions', ids: parsePurgeIds(body) }),
    toItem: toPurgeItem,
  },
  {
    path: '/purge/v1/calls/customer',
    read: (body) => whole({ by: 'customer', phones: [parsePurgeCustomer(body)], emails: [] }),
    toItem: toPurgeItem,
  },
  {
    path: '/interactions/v2/purge',
    read: (body) => parseInteractionPurge(body, 'calls'),
    toItem: toInteractionPurgeItem,
  },
  {
    path: '/interactions/v2/purge/sessions',
    read: (body) => parseInteractionPurge(body, 'sessions'),
    toItem: toInteractionPurgeItem,
  },
  { path: '/interactions/v2/purge/customer', read: parseCustomerPurge, toItem: toInteractionPurgeItem },
];

/**
 * Purging by call id, by session id and of a customer, in both versions, each with `?whatIf=true`.
 *
 * One item per id, in the order asked, echoing it; for a customer one per call, in the order of age, and none where
 * nothing matches.
 */
export function addPurge(app: FastifyInstance, engine: Engine): void {
  for (const { path, read, toItem } of routes) {
    app.post(path, async (request) => {
      const whatIf = parseWhatIf(queryOf(request));
      const { subject, refuseIncomplete } = read(request.body);
      const items = await purge(engine, callerOf(request), subject, { whatIf, waitMs, refuseIncomplete });
      return { items: items.map(toItem) };
    });
  }
}

/** Version 1 knows no incomplete calls: an upload under way is purged, and refused in its end. */
function whole(subject: PurgeRequest['subject']): PurgeRequest {
  return { subject, refuseIncomplete: false };
}

/** Fastify's own parser makes an object of every query string, an absent one too. */
function queryOf(request: FastifyRequest): Record<string, unknown> {
  return request.query as Record<string, unknown>;
}
