import { type Static, Type } from 'typebox';
import type { Settings } from '../../../engine/guard/settings.ts';
import { retainedKinds } from '../../../engine/retention/in-force.ts';
import type { RetentionOfKind } from '../../../engine/retention/read-retention.ts';
import type { Reaches } from '../../../engine/retention/set-retention.ts';
import type { CallKind } from '../../../model/call.ts';
import { AppError } from '../../../model/errors.ts';
import type { Retention } from '../../../model/tenant.ts';
import { strict, Time, TimeOrNull, timeOrNull, timeOut } from '../shapes.ts';

/** The largest bound of the guard; more calls than any tenant has. */
const guardCallsMax = 1_000_000_000_000;
/** A hundred years. */
const daysMax = 36_500;

const CallsBound = Type.Integer({
  minimum: 0,
  maximum: guardCallsMax,
  description: 'An erasure of more calls than this needs approval; 0 switches this off',
});
const PercentBound = Type.Integer({
  minimum: 0,
  maximum: 100,
  description:
    'So does one of more than this part of the live calls, where there are 1,000 or more; 0 switches this off',
});

/** A tenant's own bounds; null is what the configuration says. */
const OwnBounds = {
  calls: Type.Union([CallsBound, Type.Null()], { description: 'Null: what the configuration says' }),
  percent: Type.Union([PercentBound, Type.Null()], { description: 'Null: what the configuration says' }),
};

/** A tenant's settings. */
export const SettingsShape = Type.Object(
  {
    guard: Type.Object(OwnBounds, strict),
    effectiveGuard: Type.Object({ calls: CallsBound, percent: PercentBound }, strict),
  },
  { ...strict, title: 'Settings' },
);

/** What is to be changed of them; what is absent stays. */
export const SettingsChange = Type.Object(
  {
    guard: Type.Object(
      { calls: Type.Optional(OwnBounds.calls), percent: Type.Optional(OwnBounds.percent) },
      { ...strict, minProperties: 1 },
    ),
  },
  strict,
);

/** Settings as answers say them. */
export function settingsBody({ guard, effectiveGuard }: Settings): Static<typeof SettingsShape> {
  const { calls, percent } = effectiveGuard;
  return { guard: { calls: guard.calls, percent: guard.percent }, effectiveGuard: { calls, percent } };
}

const Days = Type.Union([Type.Integer({ minimum: 1, maximum: daysMax }), Type.Null()], {
  description: 'By age, from when a call began, else was archived; null keeps calls for ever',
});
const Kind = Type.Enum([...retainedKinds]);

/** For how long calls of a kind are to be kept. */
export const RetentionIn = Type.Object(
  {
    days: Days,
    effectiveAt: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'ISO 8601 with `Z` or an offset: when it begins; default: 24 hours from now. At least an hour from now, unless it ' +
          'keeps calls for as long as what is in force: that may begin at once',
      }),
    ),
    reachesExisting: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'False leaves calls that have been archived by now to what was in force before',
      }),
    ),
  },
  strict,
);

const RetentionShape = Type.Object(
  { days: Days, effectiveAt: Time, setAt: Time, reachesExisting: Type.Boolean() },
  { ...strict, title: 'Retention' },
);

/** What is in force and what is to come, kind by kind. */
export const RetentionListShape = Type.Object(
  {
    retention: Type.Array(
      Type.Object(
        {
          kind: Kind,
          inForce: Type.Array(RetentionShape, {
            description:
              'Newest first. The first answers for all calls, unless it does not reach existing ones: for those the next does',
          }),
          toCome: Type.Union([RetentionShape, Type.Null()]),
        },
        strict,
      ),
    ),
  },
  { ...strict, title: 'RetentionList' },
);

/** What was set of a kind, and what it reaches. */
export const RetentionSetShape = Type.Object(
  {
    kind: Kind,
    days: Days,
    effectiveAt: TimeOrNull,
    reachesExisting: Type.Boolean(),
    reaches: Type.Object(
      {
        calls: Type.Integer({
          minimum: 0,
          description: 'Calls archived by now that are old enough when it begins, those under hold included',
        }),
        countedUpTo: Type.Integer({
          description: 'Counted no further than this: where `calls` is as many there may be more',
        }),
      },
      strict,
    ),
  },
  { ...strict, title: 'RetentionSet' },
);

/** What is in force and to come, as answers say it. */
export function retentionListBody(listed: readonly RetentionOfKind[]): Static<typeof RetentionListShape> {
  const retention = listed.map(({ kind, inForce, toCome }) => {
    return { kind, inForce: inForce.map(toShape), toCome: toCome === undefined ? null : toShape(toCome) };
  });
  return { retention };
}

/** What was set, as answers say it; undefined where it has been taken back since. */
export function retentionSetBody(
  kind: CallKind,
  retention: Retention | undefined,
  reaches: Reaches,
): Static<typeof RetentionSetShape> {
  const { days = null, effectiveAt = null, reachesExisting = true } = retention ?? {};
  const { calls, countedUpTo } = reaches;
  return { kind, days, effectiveAt: timeOrNull(effectiveAt), reachesExisting, reaches: { calls, countedUpTo } };
}

/** The kind that a path names. Throws `retention_not_found`. */
export function kindIn(id: string): CallKind {
  const kind = retainedKinds.find((one) => one === id);
  if (kind !== undefined) return kind;
  throw new AppError('retention_not_found', { message: `There are retentions of ${retainedKinds.join(', ')} alone` });
}

function toShape({ days, effectiveAt, setAt, reachesExisting }: Retention): Static<typeof RetentionShape> {
  return { days, effectiveAt: timeOut(effectiveAt), setAt: timeOut(setAt), reachesExisting };
}
