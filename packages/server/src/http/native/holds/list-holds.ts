import { Type } from 'typebox';
import { listHolds } from '../../../engine/holds/read-holds.ts';
import { HoldShape, holdBody } from '../hold-view.ts';
import { operation } from '../operation.ts';
import { Cursor, Limit, Next, strict } from '../shapes.ts';

export const listHoldsOperation = operation({
  id: 'listHolds',
  method: 'GET',
  path: '/holds',
  tag: 'Holds',
  summary: 'List holds, newest first',
  description: '`subject` is null in lists.',
  scopes: ['holds:write'],
  query: Type.Object(
    {
      active: Type.Optional(Type.Boolean({ description: 'Only those that hold, or only those that were released' })),
      cursor: Type.Optional(Cursor),
      limit: Type.Optional(Limit),
    },
    strict,
  ),
  answers: {
    200: { description: 'A page of them', content: Type.Object({ holds: Type.Array(HoldShape), next: Next }, strict) },
  },
  errors: [],
  handle: async ({ engine, caller, query: { active, cursor, limit = 100 } }) => {
    const asked = { limit, ...(active !== undefined && { isActive: active }), ...(cursor && { cursor }) };
    const { holds, next } = await listHolds(engine, caller, asked);
    return { status: 200, body: { holds: holds.map(holdBody), next } };
  },
});
