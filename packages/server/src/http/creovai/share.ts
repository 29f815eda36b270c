import type { FastifyInstance, FastifyRequest } from 'fastify';
import { shareCall } from '../../engine/calls/share.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { utcTime } from '../utc-time.ts';
import { parseShareRequest } from './share-request.ts';

/**
 * `POST /interactions/v2/token` and `POST /callShare/v1/token`: a link by which a guest reads and hears one call without
 * credentials, and when it ends.
 *
 * The guest's e-mail address is asked for, as the vendor's clients send it, and neither kept nor written to. 404 for a call
 * that is unknown, another tenant's, purged or being purged.
 *
 * @param publicUrl the base of absolute links, without a slash at the end; asked at each request.
 */
export function addShare(app: FastifyInstance, engine: Engine, publicUrl: () => string): void {
  const share = async (request: FastifyRequest, idName: string): Promise<{ link: string; expiration: string }> => {
    const callId = parseShareRequest(request.body, idName);
    const { token, expiresAt } = await shareCall(engine, callerOf(request), callId);
    return { link: `${publicUrl()}/share/${token}`, expiration: utcTime(expiresAt) };
  };
  app.post('/interactions/v2/token', async (request) => {
    const { link, expiration } = await share(request, 'interactionId');
    return { expiration, shareUri: link };
  });
  app.post('/callShare/v1/token', async (request) => {
    const { link, expiration } = await share(request, 'callId');
    return { callUrl: link, expiration };
  });
}
