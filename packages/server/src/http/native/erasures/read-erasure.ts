import { Type } from 'typebox';
import { awaitErasure } from '../../../engine/plans/await-erasure.ts';
import { ErasureShape, erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';

export const Wait = Type.Optional(
  Type.Integer({ minimum: 0, maximum: 60, description: 'Seconds to wait at most until it has ended' }),
);

export const readErasureOperation = operation({
  id: 'readErasure',
  method: 'GET',
  path: '/erasures/:id',
  tag: 'Erasures',
  summary: 'Read one erasure',
  description: "Whoever asked for it, a vendor's client included. With `wait`, once it has ended or the time is over.",
  scopes: ['erasures:preview', 'erasures:execute'],
  query: Type.Object({ wait: Wait }, strict),
  answers: { 200: { description: 'The erasure', content: ErasureShape } },
  errors: ['erasure_not_found'],
  handle: async ({ engine, caller, id, query, request }) => {
    const waiting = { waitMs: (query.wait ?? 0) * 1000, isHeard: () => !request.raw.socket.destroyed };
    return { status: 200, body: erasureBody(await awaitErasure(engine, caller, id, waiting)) };
  },
});
