import type { Artifact } from '../../model/call.ts';
import { type DoomedBlob, type Erasure, type ItemSpan, personalIdentifierKinds, reachOf } from '../../model/erasure.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';

export type ClearedArtifact = Pick<Artifact, 'slot' | 'ownerId' | 'kind' | 'blob'>;

/** The artifacts, whose slots are the caller's to destroy; and the calls and candidates that are now marked as erased in part. */
export type Cleared = { artifacts: readonly ClearedArtifact[]; marked: ReadonlySet<string> };

/**
 * Removes the rows that an erasure's action reaches of a span: artifacts, whose bytes are written down as doomed, events,
 * tokens, and calls. Of a call that is still on its way everything goes, whatever the action: nobody knows yet what it will
 * bring.
 */
export async function clearSpan(
  engine: Pick<Engine, 'clock'>,
  tx: StoreTx,
  erasure: Erasure,
  span: ItemSpan,
): Promise<Cleared> {
  const reach = reachOf(erasure.action, erasure);
  const since = engine.clock.now();
  const coming = reach.isWhole ? [] : await stopComing(tx, span);
  const artifacts: ClearedArtifact[] = [...coming, ...(await tx.erasures.spanArtifacts(span, reach.artifacts))];
  await tx.doomed.insert(
    artifacts.flatMap(({ blob, ownerId }): DoomedBlob[] =>
      blob === null ? [] : [{ blob, ownerId, erasureId: erasure.id, since }],
    ),
  );
  // Sealed under the same keys.
  if (reach.artifacts.includes('details')) await tx.erasures.deleteSpanEvents(span);
  await tx.erasures.deleteSpanArtifacts(span, reach.artifacts);
  if (reach.tokens !== 'none') {
    await tx.erasures.deleteSpanTokens(span, reach.tokens === 'all' ? 'all' : personalIdentifierKinds);
  }
  const marks = {
    ...(reach.artifacts.includes('details') && { depersonalizedAt: since }),
    ...(reach.artifacts.includes('recording') && { recordingErasedAt: since }),
  };
  const marked = reach.isWhole ? [] : await tx.erasures.markSpan(span, marks);
  // An upload under way keeps its row, marked, until its finishing transaction sees the mark or its lease ends.
  if (reach.isWhole) await tx.erasures.deleteSpanCalls(span);
  return { artifacts, marked: new Set(marked) };
}

/** Dooms the span's uploads under way: whoever brings one is refused at its next step, and clears the row away. */
async function stopComing(tx: StoreTx, span: ItemSpan): Promise<ClearedArtifact[]> {
  const cleared: ClearedArtifact[] = [];
  for (const { callId, status } of await tx.erasures.spanCalls(span)) {
    if (status !== 'uploading') continue;
    cleared.push(...(await tx.artifacts.deleteOfOwner(callId)));
    await tx.tokens.deleteOfOwners([callId]);
    await tx.calls.update(callId, { isUploadDoomed: true });
  }
  return cleared;
}
