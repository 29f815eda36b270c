import type { FastifyInstance } from 'fastify';
import { requireScope } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';

/** `GET /sources/v1/recordingSettings`: no source is set up here, since this archive records nothing by itself. */
export function addRecordingSettings(app: FastifyInstance): void {
  app.get('/sources/v1/recordingSettings', async (request) => {
    requireScope(callerOf(request), 'calls:read', 'calls:write');
    return [];
  });
}
