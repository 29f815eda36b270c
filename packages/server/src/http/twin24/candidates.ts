import type { FastifyInstance } from 'fastify';
import { addCandidates as add } from '../../engine/campaigns/add-candidates.ts';
import { addSingleCalls } from '../../engine/campaigns/add-single-calls.ts';
import { cancelCandidates } from '../../engine/campaigns/cancel-candidates.ts';
import { listCandidates } from '../../engine/campaigns/list-candidates.ts';
import { type ReadCandidate, readCandidate } from '../../engine/campaigns/read-candidate.ts';
import type { Engine } from '../../engine/context.ts';
import { candidateStatuses } from '../../model/campaign.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf, within } from '../bearer.ts';
import { invalidField } from '../json-in.ts';
import { leaveBodies } from '../request-body.ts';
import { utcTime } from '../utc-time.ts';
import { readBatch, readCandidate as readGiven, readSingleCall, startsNow } from './candidate-body.ts';
import {
  envelopeOf,
  listingOf,
  phoneOf,
  plainQuery,
  type Query,
  refuseUnknown,
  textOf,
  wordsOf,
} from './list-params.ts';
import { parametersOf, parseEveryBody } from './parameters.ts';
import { plainNumber } from './search-row.ts';

const base = '/telephony/autoCallCandidate';
const partLimits = { limitMax: 1000, limitDefault: 100 };
/** Values in one body: a full batch with a handful of variables each. */
const valuesMax = 250_000;
const filters = ['autoCallId', 'status', 'phone'];
const writers = { onRequest: within('calls:write') };
const readers = { onRequest: within('calls:read', 'calls:write') };

/** People on campaigns: put on them in four forms, taken off, and read by the platform that dials. */
export function addCandidates(app: FastifyInstance, engine: Engine): void {
  app.register((wide, _options, done) => {
    parseEveryBody(wide, valuesMax);
    addOnes(wide, engine);
    addBatches(wide, engine);
    done();
  });
  app.register((bodiless, _options, done) => {
    leaveBodies(bodiless);
    addCancelling(bodiless, engine);
    done();
  });
  addReading(app, engine);
}

function addOnes(app: FastifyInstance, engine: Engine): void {
  app.post(base, writers, async (request) => {
    const body = parametersOf(request);
    if ('batch' in body) throw new AppError('input_invalid', { message: 'A batch is added at its own address' });
    const [identity] = await add(engine, callerOf(request), [readGiven(body)], { start: startsNow(body) });
    return { id: { identity } };
  });
  app.post(`${base}/single`, writers, async (request) => {
    const [made] = await addSingleCalls(engine, callerOf(request), [readSingleCall(parametersOf(request))]);
    return { id: { identity: made?.id }, autoCallId: made?.taskId };
  });
}

/** Numbers are answered as their client wrote them, whatever it made of the list: by them it tells the candidates apart. */
function addBatches(app: FastifyInstance, engine: Engine): void {
  app.post(`${base}/batch`, writers, async (request) => {
    const body = parametersOf(request);
    const given = readBatch(body, readGiven);
    const ids = await add(engine, callerOf(request), given, { start: startsNow(body) });
    return { items: given.map(({ details }, place) => ({ id: ids[place], phone: details.phones })) };
  });
  app.post(`${base}/single/batch`, writers, async (request) => {
    const given = readBatch(parametersOf(request), readSingleCall);
    const made = await addSingleCalls(engine, callerOf(request), given);
    return { items: given.map(({ details }, place) => ({ id: made[place]?.id, phone: details.phones })) };
  });
}

/** By the query alone. That nobody on the task carries the number is no failure. */
function addCancelling(app: FastifyInstance, engine: Engine): void {
  app.post<{ Querystring: Query }>(`${base}/cancel`, writers, async (request, reply) => {
    const query = plainQuery(request.query);
    const phone = textOf(query, 'phone');
    if (phone === undefined) throw invalidField('phone', 'is required');
    await cancelCandidates(engine, callerOf(request), { taskId: taskIdOf(query), phone });
    return reply.code(200).send();
  });
}

/**
 * An addition to the vendor's API: what is to be dialled. What was erased is an empty list and an empty map. A filter that is
 * not known is refused: passed over, it would give everybody.
 */
function addReading(app: FastifyInstance, engine: Engine): void {
  app.get<{ Querystring: Query }>(base, readers, async (request) => {
    const query = plainQuery(request.query);
    refuseUnknown(query, filters);
    const listing = listingOf(query, partLimits);
    const { count, candidates } = await listCandidates(engine, callerOf(request), {
      taskId: taskIdOf(query),
      statuses: wordsOf(query, 'status', candidateStatuses),
      phone: phoneOf(query, 'phone'),
      offset: listing.offset,
      limit: listing.limit,
    });
    return envelopeOf(listing, count, candidates.map(candidateItem));
  });
  app.get<{ Params: { id: string } }>(`${base}/:id`, async (request) => {
    return candidateItem(await readCandidate(engine, callerOf(request), request.params.id));
  });
}

function taskIdOf(query: Query): string {
  const taskId = textOf(query, 'autoCallId');
  if (taskId === undefined) throw invalidField('autoCallId', 'is required');
  return taskId;
}

function candidateItem(read: ReadCandidate) {
  const { candidate, phones, variables, callbackData, clientExternalId, timezone, checkPhone } = read;
  return {
    id: candidate.id,
    autoCallId: candidate.taskId,
    autoCallTemplateId: read.autoCallTemplateId,
    botSettingsId: candidate.botId,
    phone: (phones ?? []).map((phone) => plainNumber(phone) ?? phone),
    variables: variables ?? {},
    callbackData: callbackData ?? {},
    clientExternalId,
    timezone,
    checkPhone,
    status: candidate.status,
    callCount: read.callCount,
    lastCallId: read.lastCallId,
    createdAt: utcTime(candidate.createdAt),
    updatedAt: utcTime(candidate.updatedAt),
  };
}
