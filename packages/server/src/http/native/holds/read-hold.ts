import { readHold } from '../../../engine/holds/read-holds.ts';
import { HoldShape, holdBody } from '../hold-view.ts';
import { operation } from '../operation.ts';

export const readHoldOperation = operation({
  id: 'readHold',
  method: 'GET',
  path: '/holds/:id',
  tag: 'Holds',
  summary: 'Read one hold',
  scopes: ['holds:write'],
  answers: { 200: { description: 'The hold', content: HoldShape } },
  errors: ['hold_not_found'],
  handle: async ({ engine, caller, id }) => ({ status: 200, body: holdBody(await readHold(engine, caller, id)) }),
});
