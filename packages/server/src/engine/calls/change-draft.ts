import type { Artifact, Call } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { JsonObject } from '../archive/new-call.ts';
import { openJson } from '../artifacts.ts';
import type { Caller, Engine } from '../context.ts';
import type { CallChange } from './change-call.ts';
import { refuseOversized } from './content-bounds.ts';
import { isSameJson, keepsAll, saysAnything, withFields } from './content-change.ts';
import { beingErased, openCall } from './open-call.ts';
import { newInRow, type RowChange } from './row-change.ts';

/** Artifacts that a change can touch. */
export type ChangedKind = 'details' | 'correlation' | 'transcript';

/** One artifact as it is to be. */
export type ChangedPart = {
  kind: ChangedKind;
  /** What is there; undefined where there is none. */
  before: Artifact | undefined;
  content: unknown;
  /** True when something that is there would be there no more: then it takes a slot of its own. */
  isLossy: boolean;
};

/** A change as it is to be made to the call as it was seen. */
export type Draft = { call: Call; row: RowChange; parts: readonly ChangedPart[] };

/**
 * The call, if these artifacts of it may be added to at this moment. To be asked again in each transaction that brings the
 * change nearer. Throws as `changeCall` does.
 */
export async function openForChange(
  on: StoreReads | StoreTx,
  tenantId: string,
  callId: string,
  kinds: readonly ChangedKind[],
): Promise<Call> {
  const { call, gated } = await openCall(on, tenantId, callId);
  const isPersonal = kinds.some((kind) => kind !== 'correlation');
  if (isPersonal && call.depersonalizedAt !== null) {
    throw new AppError('call_erased', { message: 'This call was depersonalized; nothing of that kind can be added' });
  }
  if (kinds.some((kind) => gated.has(kind))) throw beingErased();
  return call;
}

/** The call and its artifacts as of one instant, and what the change makes of them. Throws as `changeCall` does. */
export async function draftOf(engine: Engine, caller: Caller, callId: string, change: CallChange): Promise<Draft> {
  const kinds = kindsOf(change);
  const { call, artifacts } = await engine.store.snapshot(async (reads) => ({
    call: await openForChange(reads, caller.tenant.id, callId, kinds),
    artifacts: await reads.artifacts.ofOwner(callId),
  }));
  const parts: ChangedPart[] = [];
  for (const kind of kinds) {
    const before = artifacts.find((artifact) => artifact.kind === kind && artifact.sealed !== null);
    const part = await partOf(engine, kind, before, change);
    if (part !== undefined) parts.push(part);
  }
  return { call, row: newInRow(call, change), parts };
}

function kindsOf({ details, correlation, transcript }: CallChange): ChangedKind[] {
  return [
    ...(saysAnything(details) ? (['details'] as const) : []),
    ...(saysAnything(correlation) ? (['correlation'] as const) : []),
    ...(transcript === undefined ? [] : (['transcript'] as const)),
  ];
}

/** Undefined where the change says what is there already. Throws `input_invalid` for what would grow too large. */
async function partOf(
  engine: Engine,
  kind: ChangedKind,
  before: Artifact | undefined,
  change: CallChange,
): Promise<ChangedPart | undefined> {
  const old = before && (await openJson<JsonObject>(engine, before));
  const content = kind === 'transcript' ? change.transcript : withFields(old ?? {}, change[kind] ?? {});
  if (isSameJson(old ?? nothing[kind], content)) return undefined;
  refuseOversized(kind, content, old);
  return { kind, before, content, isLossy: !keepsAll(old, content) };
}

/** What says as much as an artifact that is not there. */
const nothing: Record<ChangedKind, unknown> = { details: {}, correlation: {}, transcript: { turns: [] } };
