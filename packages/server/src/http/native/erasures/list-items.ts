import { Type } from 'typebox';
import { type ItemView, listItems } from '../../../engine/plans/list-items.ts';
import { callArtifactKinds } from '../../../model/call.ts';
import { operation } from '../operation.ts';
import { Cursor, Limit, Next, strict, TimeOrNull, timeOrNull } from '../shapes.ts';

const Outcome = Type.Union(
  [Type.Enum(['erased', 'already_erased', 'not_found', 'held', 'locked_until', 'failed']), Type.Null()],
  { description: 'Null until it is known' },
);
const ItemState = Type.Enum(['planned', 'held', 'shredded', 'removed', 'verified', 'failed']);
const TextOrNull = Type.Union([Type.String(), Type.Null()]);

const ItemShape = Type.Object(
  {
    id: Type.String(),
    callId: Type.Union([Type.String(), Type.Null()], {
      description: 'Null for a candidate, and for an event whose call never came',
    }),
    candidateId: TextOrNull,
    state: ItemState,
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
    'Each call or candidate, what of it there was to be erased, and what became of it. `locked_until`: the keys are destroyed, and an object lock keeps the bytes.',
  scopes: ['erasures:preview', 'erasures:execute'],
  query: Type.Object(
    { state: Type.Optional(ItemState), cursor: Type.Optional(Cursor), limit: Type.Optional(Limit) },
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

function bodyOf({ item, isKnown, outcome, code, artifacts }: ItemView) {
  const { callId, isCandidate } = item;
  return {
    id: `${item.erasureId}.${item.seq}`,
    callId: isCandidate || !isKnown ? null : callId,
    candidateId: isCandidate ? callId : null,
    state: item.state,
    outcome,
    code,
    lockedUntil: timeOrNull(outcome === 'locked_until' ? item.lockedUntil : null),
    artifacts,
  };
}
