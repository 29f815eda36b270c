import { Type } from 'typebox';
import { listCalls as list } from '../../../engine/calls/list-calls.ts';
import { timeOf } from '../call-body.ts';
import { operation } from '../operation.ts';
import { Cursor, Id, Limit, strict, TimeIn } from '../shapes.ts';
import { CallRows, callRow, DirectionShape, KindShape, SourceShape } from './call-row.ts';

const Query = Type.Object(
  {
    kind: Type.Optional(KindShape),
    source: Type.Optional(SourceShape),
    direction: Type.Optional(DirectionShape),
    taskId: Type.Optional(Id),
    candidateId: Type.Optional(Id),
    from: Type.Optional(TimeIn),
    to: Type.Optional(TimeIn),
    cursor: Type.Optional(Cursor),
    limit: Type.Optional(Limit),
  },
  strict,
);

/** `GET /v1/calls`. */
export const listCalls = operation({
  id: 'listCalls',
  method: 'GET',
  path: '/calls',
  tag: 'Calls',
  summary: 'List calls',
  description:
    'Newest first by when they began (`from` included, `to` not), those of vendors too: ids, closed lists, times and ' +
    'durations, and nothing sealed. A call that a purge has begun to erase is left out; a page may therefore have fewer ' +
    'calls than its `limit`, and the last page is the one whose `next` is null.',
  scopes: ['calls:read'],
  query: Query,
  answers: { 200: { description: 'A page of calls', content: CallRows } },
  errors: [],
  async handle({ engine, caller, query }) {
    const { from, to, limit = 100, ...rest } = query;
    const { calls, next } = await list(engine, caller, {
      ...rest,
      limit,
      ...(from !== undefined && { from: timeOf('from', from) }),
      ...(to !== undefined && { to: timeOf('to', to) }),
    });
    return { status: 200, body: { calls: calls.map(callRow), next } };
  },
});
