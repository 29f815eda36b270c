import { type DoomedBlob, type Erasure, type ItemSpan, personalIdentifierKinds, reachOf } from '../../model/erasure.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';

/**
 * Removes the rows that an erasure's action reaches of a span: artifacts, whose bytes are written down as doomed, events,
 * tokens, and calls. `artifacts` are those of the span within that reach, read before; their slots are the caller's to destroy.
 */
export async function clearSpan(
  engine: Pick<Engine, 'clock'>,
  tx: StoreTx,
  erasure: Erasure,
  span: ItemSpan,
  artifacts: Awaited<ReturnType<StoreTx['erasures']['spanArtifacts']>>,
): Promise<void> {
  const reach = reachOf(erasure.action, erasure);
  const since = engine.clock.now();
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
  if (!reach.isWhole) {
    await tx.erasures.markSpan(span, {
      ...(reach.artifacts.includes('details') && { depersonalizedAt: since }),
      ...(reach.artifacts.includes('recording') && { recordingErasedAt: since }),
    });
  }
  // An upload under way keeps its row, marked, until its finishing transaction sees the mark or its lease ends.
  if (reach.isWhole) await tx.erasures.deleteSpanCalls(span);
}
