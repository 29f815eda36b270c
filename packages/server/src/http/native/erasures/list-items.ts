import { Type } from 'typebox';
import { type ItemView, listItems } from '../../../engine/plans/list-items.ts';
import { callArtifactKinds } from '../../../model/call.ts';
import { operation } from '../operation.ts';
import { Cursor, Limit, Next, strict, TimeOrNull, timeOrNull } from '../shapes.ts';

const KnownOutcome = Type.Enum(['erased', 'already_erased', 'not_found', 'held', 'locked_until', 'failed']);
const Outcome = Type.Union([KnownOutcome, Type.Null()], { description: 'Null until it is known' });
const ItemState = Type.Enum(['planned', 'held', 'shredded', 'removed', 'verified', 'failed']);
const TextOrNull = Type.Union([Type.String(), Type.Null()]);

const ItemShape = Type.Object(
  {
    id: Type.String(),
    callId: Type.Union([Type.String(), Type.Null()], {
      description: 'Null for a candidate. Of an event that came before its call: the id that the call was to have',
    }),
    candidateId: TextOrNull,
    state: ItemState,
    wasHeld: Type.Boolean({ description: 'Whether a hold covered it when the plan was made' }),
    outcome: Outcome,
    code: Type.Union([Type.String(), Type.Null()], { description: 'Why it has failed, or is held' }),
    lockedUntil: Type.Union([TimeOrNull], {
      description: 'Until when the blob store keeps its bytes, as far as that is known',
    }),
    artifacts: Type.Array(Type.Object({ kind: Type.Enum([...callArtifactKinds]), outcome: Outcome }, strict)),
  },
  { ...strict, title: 'Item' },
);

export const listItemsOperation = operation({
  id: 'listItems',
  method: 'GET',
  path: '/erasures/:id/items',
  tag: 'Erasures',
  summary: 'List the items of an erasure',
  description:
    'Each call or candidate, what of it there was to be erased, and what became of it. `locked_until`: the keys are destroyed, and an object lock keeps the bytes. Where an outcome is asked for, a page may have fewer items than its limit, or none, and a `next`.',
  scopes: ['erasures:preview', 'erasures:execute'],
  query: Type.Object(
    {
      state: Type.Optional(ItemState),
      outcome: Type.Optional(KnownOutcome),
      cursor: Type.Optional(Cursor),
      limit: Type.Optional(Limit),
    },
    strict,
  ),
  answers: {
    200: {
      description: 'A page of them, in their order',
      content: Type.Object({ items: Type.Array(ItemShape), next: Next }, strict),
    },
  },
  errors: ['erasure_not_found'],
  handle: async ({ engine, caller, id, query: { limit = 100, ...query } }) => {
    const { items, next } = await listItems(engine, caller, id, { ...query, limit });
    return { status: 200, body: { items: items.map(bodyOf), next } };
  },
});

function bodyOf({ item, outcome, code, artifacts }: ItemView) {
  const { callId, isCandidate } = item;
  return {
    id: `${item.erasureId}.${item.seq}`,
    callId: isCandidate ? null : callId,
    candidateId: isCandidate ? callId : null,
    state: item.state,
    wasHeld: item.wasHeld,
    outcome,
    code,
    lockedUntil: timeOrNull(outcome === 'locked_until' ? item.lockedUntil : null),
    artifacts,
  };
}
