import type { FastifyInstance } from 'fastify';
import { changeTask } from '../../engine/campaigns/change-task.ts';
import { createTask } from '../../engine/campaigns/create-task.ts';
import { listTasks, taskOrders } from '../../engine/campaigns/list-tasks.ts';
import { type ReadTask, readTask } from '../../engine/campaigns/read-task.ts';
import type { Caller, Engine } from '../../engine/context.ts';
import { taskStatuses } from '../../model/campaign.ts';
import { callerOf, within } from '../bearer.ts';
import { leaveBodies } from '../request-body.ts';
import { utcTime } from '../utc-time.ts';
import { envelopeOf, listingOf, ordersOf, plainQuery, type Query, textOf, timeOf, wordsOf } from './list-params.ts';
import { parametersOf } from './parameters.ts';
import { readTaskBody } from './task-body.ts';
import { shownSettings } from './task-settings.ts';

const partLimits = { limitMax: 1000, limitDefault: 100 };

/** What a client does to a task, and the state that it comes to. */
const moves = { play: 'PROCESS', pause: 'PAUSED', halted: 'HALTED' } as const;

/** Campaigns. Tacet does not dial: it keeps what a task says, for the platform that does. */
export function addTasks(app: FastifyInstance, engine: Engine): void {
  app.post('/telephony/autoCall', { onRequest: within('calls:write') }, async (request) => {
    const identity = await createTask(engine, callerOf(request), readTaskBody(parametersOf(request)));
    return { id: { identity } };
  });
  app.get<{ Querystring: Query }>(
    '/telephony/autoCall',
    { onRequest: within('calls:read', 'calls:write') },
    async (request) => {
      const caller = callerOf(request);
      const query = plainQuery(request.query);
      const listing = listingOf(query, partLimits);
      const { count, tasks } = await listTasks(engine, caller, {
        statuses: wordsOf(query, 'status', taskStatuses),
        keyword: textOf(query, 'keyword'),
        from: timeOf(query, 'from'),
        to: timeOf(query, 'to'),
        orders: ordersOf(query, taskOrders),
        offset: listing.offset,
        limit: listing.limit,
      });
      return envelopeOf(
        listing,
        count,
        tasks.map((task) => taskItem(caller, task)),
      );
    },
  );
  app.get<{ Params: { id: string } }>('/telephony/autoCall/:id', async (request) => {
    const caller = callerOf(request);
    return taskItem(caller, await readTask(engine, caller, request.params.id));
  });
  app.register((bodiless, _options, done) => {
    addMoves(bodiless, engine);
    done();
  });
  // Lines to dial through are the platform's.
  app.get('/telephony/providers', async () => ({ count: 0, items: [] }));
}

/** Whatever body a client sends along with these is left where it is. */
function addMoves(app: FastifyInstance, engine: Engine): void {
  leaveBodies(app);
  for (const [step, status] of Object.entries(moves)) {
    app.post<{ Params: { id: string } }>(`/telephony/autoCall/:id/${step}`, async (request, reply) => {
      await changeTask(engine, callerOf(request), request.params.id, status);
      return reply.code(200).send();
    });
  }
}

/** A task as its client gave it, with what only we know; that comes last, so that no setting stands in its place. */
function taskItem({ tenant }: Caller, { task, name, settings, callCount, candidateCount }: ReadTask) {
  return {
    ...shownSettings(settings),
    id: task.id,
    name,
    status: task.status,
    callCount,
    candidateCount,
    createdAt: utcTime(task.createdAt),
    updatedAt: utcTime(task.updatedAt),
    companyId: tenant.number,
  };
}
