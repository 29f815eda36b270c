import { Type } from 'typebox';
import type { ErasureView } from '../../engine/plans/read-erasure.ts';
import { subjectKinds } from '../../engine/plans/subject.ts';
import { ActorShape, strict, Time, TimeOrNull, timeOrNull, timeOut } from './shapes.ts';

export const Action = Type.Enum(['purge', 'depersonalize', 'delete-recording']);
export const ErasureState = Type.Enum(['planned', 'running', 'completed', 'completed_with_failures', 'cancelled']);
export const Digest = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'The `digest` of the plan that was seen',
});

const Count = Type.Integer({ minimum: 0 });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(shape: T) => Type.Union([shape, Type.Null()]);

const Identifier = Type.Object(
  {
    given: Type.String(),
    kind: Type.Enum([...subjectKinds]),
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
    keepRecording: Type.Boolean(),
    digest: Type.String(),
    expiresAt: Type.Union([Time, Type.Null()], { description: 'Until when the plan may be executed' }),
    cancelReason: orNull(Type.Enum(['cancelled', 'expired', 'plan_changed'])),
    blockers: Type.Array(Type.Enum(['approval_required'])),
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
        { added: Count, gone: Count, held: Count, changed: Count },
        { ...strict, description: 'What had changed between plan and execution' },
      ),
    ),
    identifiers: Type.Union([Type.Array(Identifier), Type.Null()], {
      description: "In request order. Null in lists, once they are erased, and for vendors' erasures",
    }),
    unreadableAt: TimeOrNull,
    shreddedAt: TimeOrNull,
    sealedAt: TimeOrNull,
    goneAt: TimeOrNull,
    backupsUntil: Type.Union([Time, Type.Null()], {
      description: 'From then on no older backup opens what was erased',
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
    drift: erasure.drift,
    identifiers:
      identifiers?.map(({ given, kind, understoodAs, items }) => ({ given, kind, understoodAs, items })) ?? null,
    unreadableAt: timeOrNull(erasure.unreadableAt),
    shreddedAt: timeOrNull(erasure.shreddedAt),
    sealedAt: timeOrNull(erasure.sealedAt),
    goneAt: timeOrNull(erasure.goneAt),
    backupsUntil: timeOrNull(backupsUntil),
  };
}
