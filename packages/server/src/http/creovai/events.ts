import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { addEvent } from '../../engine/events/add-event.ts';
import { callerOf } from '../bearer.ts';
import { type EventForm, parseEvent } from './event-request.ts';

/** The vendor finds the session of such an event by rules that its staff set up for a tenant. */
const withoutSession = ', because this server has no rules by which to find a session';

/** The routes of version 1, whose events say when they happened. */
const v1: readonly [path: string, form: EventForm][] = [
  ['/callEvent/v1/outofband/event', { idName: 'sessionId', idKind: 'session', withoutId: withoutSession }],
  ['/callEvent/v1/outofband/mastercall', { idName: 'masterCallId', idKind: 'master' }],
  ['/callEvent/v1/outofband/case', { idName: 'caseReferenceId', idKind: 'case' }],
];

/** The routes of version 2, whose events happened when they come where they do not say otherwise. */
const v2: readonly [path: string, form: EventForm][] = [
  ['/capture/v2/outofband/interaction', { idName: 'sessionId', idKind: 'session' }],
  ['/capture/v2/outofband/master', { idName: 'masterId', idKind: 'master' }],
  ['/capture/v2/outofband/case', { idName: 'caseReferenceId', idKind: 'case' }],
  ['/capture/v2/outofband/collection', { idName: 'collectionId', idKind: 'collection' }],
];

/**
 * Metadata that comes after its call, or before: of a session, or of every call of a master, case or collection id.
 *
 * 200 without a body once it is stored, and also where it is dropped because its call was erased: the client can do
 * nothing about that, and must not be told to try again.
 */
export function addEvents(app: FastifyInstance, engine: Engine): void {
  const defaultAt = () => engine.clock.now();
  const routes = [...v1, ...v2.map(([path, form]) => [path, { ...form, defaultAt }] as const)];
  for (const [path, form] of routes) {
    app.post(path, async (request, reply) => {
      const { subject, late } = parseEvent(request.body, form);
      await addEvent(engine, callerOf(request), subject, late);
      return reply.send();
    });
  }
}
