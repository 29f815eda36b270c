import { Type } from 'typebox';
import { placeNamedHold } from '../../../engine/holds/place-named-hold.ts';
import { readHold } from '../../../engine/holds/read-holds.ts';
import { HoldShape, holdBody } from '../hold-view.ts';
import { operation } from '../operation.ts';
import { strict, TimeIn, timeIn } from '../shapes.ts';
import { namedIn, subjectFields } from '../subject-shape.ts';

const bodyBytesMax = 16 * 1024 * 1024;

export const placeHoldOperation = operation({
  id: 'placeHold',
  method: 'POST',
  path: '/holds',
  tag: 'Holds',
  summary: 'Place a legal hold',
  description:
    'Nothing that it covers is erased until it is released, calls that come later included. A subject of `from` and `to` alone holds every call that started then. Where an identifier cannot be understood nothing is placed. The reason and how the subject was named are sealed, and erased with the release.',
  scopes: ['holds:write'],
  body: Type.Object(
    {
      subject: Type.Object({ ...subjectFields, from: Type.Optional(TimeIn), to: Type.Optional(TimeIn) }, strict),
      reason: Type.String({ minLength: 1, maxLength: 2000 }),
      reviewAt: Type.Optional(TimeIn),
    },
    strict,
  ),
  bodyBytesMax,
  answers: { 201: { description: 'The hold', content: HoldShape } },
  errors: [],
  takesKey: true,
  handle: async ({ engine, caller, body, once }) => {
    const { subject, reason, reviewAt } = body;
    const asked = {
      named: namedIn(subject),
      from: timeIn('subject.from', subject.from),
      to: timeIn('subject.to', subject.to),
      reviewAt: timeIn('reviewAt', reviewAt),
      reason,
    };
    const { status, subjectId } = await once('hold-reason', async (keeper) => {
      const { id } = await placeNamedHold(engine, caller, asked, keeper);
      return { status: 201, subjectId: id };
    });
    return { status, body: holdBody(await readHold(engine, caller, subjectId)) };
  },
});
