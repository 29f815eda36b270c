import { Type } from 'typebox';
import type { ErasureView } from '../../engine/plans/read-erasure.ts';
import { subjectKinds } from '../../engine/plans/subject.ts';
import { ActorShape, strict, Time, timeOrNull, timeOut } from './shapes.ts';

export const Action = Type.Enum(['purge', 'depersonalize', 'delete-recording']);
export const ErasureState = Type.Enum(['planned', 'running', 'completed', 'completed_with_failures', 'cancelled']);
export const Digest = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'The `digest` of the plan that was seen',
});

const Count = Type.Integer({ minimum: 0 });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(shape: T) => Type.Union([shape, Type.Null()]);

const since = (what: string) => Type.Union([Time, Type.Null()], { description: `From then on ${what}` });

const Identifier = Type.Object(
  {
    given: Type.String(),
    kind: Type.Union([Type.Enum([...subjectKinds]), Type.Null()], {
      description: 'Null for a line of a file that names nothing; `given` is that line',
    }),
    understoodAs: Type.Union([Type.String(), Type.Null()], { description: 'Null where nothing could be understood' }),
    items: Type.Integer({ minimum: 0, description: 'Items of the plan that it names' }),
  },
  strict,
);

/** One erasure, as every operation tells it. */
export const ErasureShape = Type.Object(
  {
    id: Type.String(),
    state: ErasureState,
    action: Action,
    keepRecording: Type.Boolean({ description: 'Whether a depersonalization leaves the audio' }),
    digest: Type.String({ description: 'Of the plan as it stands; `execute` and `approve` take it' }),
    expiresAt: Type.Union([Time, Type.Null()], { description: 'Until when the plan may be executed' }),
    cancelReason: orNull(Type.Enum(['cancelled', 'expired', 'plan_changed'])),
    blockers: Type.Array(Type.Enum(['approval_required']), {
      description: 'What has to be done before it may be executed',
    }),
    approval: orNull(Type.Object({ at: Time, actor: ActorShape }, strict)),
    actor: ActorShape,
    createdAt: Time,
    counts: Type.Object(
      { items: Count, artifacts: Count, bytes: Count, held: Count },
      {
        ...strict,
        description: "When it was planned; `held` as it stands. Of a vendor's erasure only items are counted",
      },
    ),
    progress: Type.Object(
      { planned: Count, held: Count, shredded: Count, removed: Count, verified: Count, failed: Count },
      { ...strict, description: 'Items by state' },
    ),
    drift: orNull(
      Type.Object(
        { added: Count, gone: Count, held: Count, released: Count, changed: Count },
        {
          ...strict,
          description:
            'What had changed between plan and execution: calls that the subject would reach now, which are left alone; items that ' +
            'others erased, that a hold has come to cover, that none covers any more, or that have other artifacts',
        },
      ),
    ),
    identifiers: Type.Union([Type.Array(Identifier), Type.Null()], {
      description: "In request order. Null in lists, once they are erased, and for vendors' erasures",
    }),
    unreadableAt: since('no surface returns what is erased'),
    shreddedAt: since('its keys are destroyed'),
    sealedAt: since('the older keys of the tree are retired, so that no copy made later opens it'),
    goneAt: since('the bytes are gone too, and all of it has been looked at again'),
    backupsUntil: Type.Union([Time, Type.Null()], {
      description:
        'From then on, once a server has run so that old root keys expire, no older backup opens what was erased. By the horizon that is configured now',
    }),
  },
  { ...strict, title: 'Erasure' },
);

/** An erasure as JSON of `ErasureShape`. */
export function erasureBody({ erasure, counts, progress, blockers, identifiers, backupsUntil }: ErasureView) {
  const { id, state, action, keepRecording, digest, approval } = erasure;
  return {
    id,
    state,
    action,
    keepRecording,
    digest,
    expiresAt: timeOrNull(erasure.expiresAt),
    cancelReason: erasure.cancelReason,
    blockers,
    approval: approval && { at: timeOut(approval.at), actor: approval.actor },
    actor: { kind: erasure.actorKind, id: erasure.actorId },
    createdAt: timeOut(erasure.createdAt),
    counts,
    progress,
    drift: erasure.drift && { ...erasure.drift, released: erasure.drift.released ?? 0 },
    identifiers:
      identifiers?.map(({ given, kind, understoodAs, items }) => ({ given, kind, understoodAs, items })) ?? null,
    unreadableAt: timeOrNull(erasure.unreadableAt),
    shreddedAt: timeOrNull(erasure.shreddedAt),
    sealedAt: timeOrNull(erasure.sealedAt),
    goneAt: timeOrNull(erasure.goneAt),
    backupsUntil: timeOrNull(backupsUntil),
  };
}
