import { Type } from 'typebox';
import { type Call, dialStatuses } from '../../../model/call.ts';
import { Next, strict, Time, TimeOrNull, timeOrNull, timeOut } from '../shapes.ts';

const IdOrNull = Type.Union([Type.String(), Type.Null()]);
const kinds = ['call', 'chat', 'case'] as const;
const sources = ['creovai', 'twin24', 'native'] as const;
const directions = ['inbound', 'outbound', 'internal', 'unknown'] as const;

/** Closed lists, as requests name them. */
export const KindShape = Type.Enum([...kinds]);
export const SourceShape = Type.Enum([...sources]);
export const DirectionShape = Type.Enum([...directions]);

/** What is said of a call without opening anything of it. */
export const callRowFields = {
  id: Type.String(),
  kind: KindShape,
  source: Type.Enum([...sources], { description: 'By which surface it came' }),
  direction: DirectionShape,
  status: Type.Union([Type.Enum([...dialStatuses]), Type.Null()], {
    description: 'Where it stands on the telephone; null where its platform said nothing',
  }),
  excluded: Type.Boolean({ description: 'True of a call that its client has excluded from analysis' }),
  startedAt: TimeOrNull,
  endedAt: TimeOrNull,
  durationMs: Type.Union([Type.Number(), Type.Null()]),
  candidateId: IdOrNull,
  taskId: IdOrNull,
  botId: IdOrNull,
  createdAt: Type.Unsafe<string>({ ...Time, description: 'When it was archived' }),
  retainUntil: Type.Union([Time, Type.Null()], { description: 'No retention erases it before this' }),
  depersonalizedAt: Type.Union([Time, Type.Null()], { description: 'When its personal parts were erased' }),
  recordingErasedAt: Type.Union([Time, Type.Null()], {
    description: 'When its recording was erased, or would have been: one that comes later is refused',
  }),
} as const;

/** A call in a list: ids, closed lists, times and durations. */
const CallRow = Type.Object(callRowFields, { ...strict, title: 'CallRow' });

/** A page of calls. */
export const CallRows = Type.Object({ calls: Type.Array(CallRow), next: Next }, strict);

/** A call as `CallRow` says it. */
export function callRow(call: Call) {
  const { id, kind, source, direction, durationMs, candidateId, taskId, botId } = call;
  return {
    id,
    kind,
    source,
    direction,
    status: call.dialStatus,
    excluded: call.status === 'excluded',
    startedAt: timeOrNull(call.startedAt),
    endedAt: timeOrNull(call.endedAt),
    durationMs,
    candidateId,
    taskId,
    botId,
    createdAt: timeOut(call.createdAt),
    retainUntil: timeOrNull(call.retainUntil),
    depersonalizedAt: timeOrNull(call.depersonalizedAt),
    recordingErasedAt: timeOrNull(call.recordingErasedAt),
  };
}
