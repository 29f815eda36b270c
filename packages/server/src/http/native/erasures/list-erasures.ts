import { Type } from 'typebox';
import { listErasures } from '../../../engine/plans/list-erasures.ts';
import { ErasureShape, ErasureState, erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';
import { Cursor, Limit, Next, strict } from '../shapes.ts';

export const listErasuresOperation = operation({
  id: 'listErasures',
  method: 'GET',
  path: '/erasures',
  tag: 'Erasures',
  summary: 'List erasures, newest first',
  description: "Vendors' erasures are among them. `identifiers` is null in lists.",
  scopes: ['erasures:preview', 'erasures:execute'],
  query: Type.Object(
    { state: Type.Optional(ErasureState), cursor: Type.Optional(Cursor), limit: Type.Optional(Limit) },
    strict,
  ),
  answers: {
    200: {
      description: 'A page of them',
      content: Type.Object({ erasures: Type.Array(ErasureShape), next: Next }, strict),
    },
  },
  errors: [],
  handle: async ({ engine, caller, query: { limit = 100, ...query } }) => {
    const { erasures, next } = await listErasures(engine, caller, { ...query, limit });
    return { status: 200, body: { erasures: erasures.map(erasureBody), next } };
  },
});
