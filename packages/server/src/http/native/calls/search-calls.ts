import { Type } from 'typebox';
import { findCalls } from '../../../engine/calls/find-calls.ts';
import type { Named } from '../../../engine/plans/subject.ts';
import { timeOf } from '../call-body.ts';
import { operation } from '../operation.ts';
import { Cursor, Limit, strict, TimeIn } from '../shapes.ts';
import { CallRows, callRow, KindShape } from './call-row.ts';

const identifiersMax = 100;
const identifiers = (maxLength: number) =>
  Type.Optional(Type.Array(Type.String({ maxLength }), { maxItems: identifiersMax }));

const Body = Type.Object(
  {
    phones: identifiers(64),
    emails: identifiers(320),
    sessions: identifiers(512),
    externalIds: identifiers(512),
    kind: Type.Optional(KindShape),
    from: Type.Optional(TimeIn),
    to: Type.Optional(TimeIn),
    cursor: Type.Optional(Cursor),
    limit: Type.Optional(Limit),
  },
  strict,
);

/** `POST /v1/calls/search`: a POST, so that no number is ever part of an address. */
export const searchCalls = operation({
  id: 'searchCalls',
  method: 'POST',
  path: '/calls/search',
  tag: 'Calls',
  summary: 'Find calls by numbers, e-mails and ids',
  description:
    'The calls that carry any of the identifiers, however they are written, or whose candidate does; newest first by when ' +
    'they began (`from` included, `to` not). A call found by nothing but a number or an e-mail is no longer found once an ' +
    'erasure of its personal parts begins. Of more than 50,000 calls it looks at those archived last.',
  scopes: ['calls:read'],
  body: Body,
  answers: { 200: { description: 'A page of calls', content: CallRows } },
  errors: [],
  async handle({ engine, caller, body }) {
    const { kind, from, to, cursor, limit = 100 } = body;
    const { calls, next } = await findCalls(engine, caller, {
      identifiers: [
        ...named('phone', body.phones),
        ...named('email', body.emails),
        ...named('session', body.sessions),
        ...named('external', body.externalIds),
      ],
      limit,
      ...(kind !== undefined && { kind }),
      ...(cursor !== undefined && { cursor }),
      ...(from !== undefined && { from: timeOf('from', from) }),
      ...(to !== undefined && { to: timeOf('to', to) }),
    });
    return { status: 200, body: { calls: calls.map(callRow), next } };
  },
});

function named(kind: Named['kind'], given: readonly string[] = []): Named[] {
  return given.map((one) => ({ kind, given: one }));
}
