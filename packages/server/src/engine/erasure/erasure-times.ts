import type { Erasure } from '../../model/erasure.ts';
import type { Engine } from '../context.ts';

type Begun = Pick<Erasure, 'createdAt' | 'unreadableAt'>;

/** Tells how long an erasure took until its last key was destroyed. To be called after the commit. */
export function tellShredded({ meter, clock }: Pick<Engine, 'meter' | 'clock'>, erasure: Begun): void {
  meter.observe('tacet_erasure_seconds', { until: 'shredded' }, (clock.now() - begunAt(erasure)) / 1000);
}

/** Tells how long an erasure took until the seal after it, and until nothing of it was left. After the commit, too. */
export function tellVerified(
  { meter }: Pick<Engine, 'meter'>,
  erasure: Begun,
  { sealedAt, goneAt }: { sealedAt: number | null; goneAt: number },
): void {
  const began = begunAt(erasure);
  if (sealedAt !== null) meter.observe('tacet_erasure_seconds', { until: 'sealed' }, (sealedAt - began) / 1000);
  meter.observe('tacet_erasure_seconds', { until: 'verified' }, (goneAt - began) / 1000);
}

/** A plan may wait for days until somebody has it carried out. */
function begunAt({ createdAt, unreadableAt }: Begun): number {
  return unreadableAt ?? createdAt;
}
