import { readHold } from '../../../engine/holds/read-holds.ts';
import { releaseHold } from '../../../engine/holds/release-hold.ts';
import { HoldShape, holdBody } from '../hold-view.ts';
import { operation } from '../operation.ts';
import { Nothing } from '../shapes.ts';

export const releaseHoldOperation = operation({
  id: 'releaseHold',
  method: 'POST',
  path: '/holds/:id/release',
  tag: 'Holds',
  summary: 'Release a hold',
  description: 'Native erasures that waited for it go on by themselves. Releasing twice changes nothing.',
  scopes: ['holds:write'],
  body: Nothing,
  answers: { 200: { description: 'The hold, released', content: HoldShape } },
  errors: ['hold_not_found'],
  takesKey: true,
  handle: async ({ engine, caller, id, once }) => {
    const { status } = await once(null, async (keeper) => {
      await readHold(engine, caller, id);
      await releaseHold(engine, caller, id, keeper);
      return { status: 200, subjectId: id };
    });
    return { status, body: holdBody(await readHold(engine, caller, id)) };
  },
});
