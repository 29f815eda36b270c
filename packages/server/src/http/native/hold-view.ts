import { Type } from 'typebox';
import type { HoldView } from '../../engine/holds/read-holds.ts';
import { subjectKinds } from '../../engine/plans/subject.ts';
import { strict, Time, TimeOrNull, timeOrNull, timeOut } from './shapes.ts';

/** One hold, as every operation tells it. */
export const HoldShape = Type.Object(
  {
    id: Type.String(),
    placedAt: Time,
    releasedAt: TimeOrNull,
    reviewAt: TimeOrNull,
    from: TimeOrNull,
    to: TimeOrNull,
    reason: Type.Union([Type.String(), Type.Null()], { description: 'Null once it is released: then it is erased' }),
    subject: Type.Union(
      [
        Type.Array(
          Type.Object(
            {
              given: Type.String(),
              kind: Type.Enum([...subjectKinds]),
              understoodAs: Type.Union([Type.String(), Type.Null()]),
            },
            strict,
          ),
        ),
        Type.Null(),
      ],
      { description: 'How it was named. Null in lists, and once it is released' },
    ),
  },
  { ...strict, title: 'Hold' },
);

/** A hold as JSON of `HoldShape`. */
export function holdBody({ hold, reason, subject }: HoldView) {
  return {
    id: hold.id,
    placedAt: timeOut(hold.placedAt),
    releasedAt: timeOrNull(hold.releasedAt),
    reviewAt: timeOrNull(hold.reviewAt),
    from: timeOrNull(hold.from),
    to: timeOrNull(hold.to),
    reason,
    subject: subject?.map(({ given, kind, understoodAs }) => ({ given, kind, understoodAs })) ?? null,
  };
}
