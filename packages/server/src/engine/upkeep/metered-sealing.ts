import type { Meter } from '../../model/meter.ts';
import type { Sealing } from './seal-scheduler.ts';

/** The same seals, which `meter` is told of. */
export function meteredSealing(sealing: Sealing, meter: Meter): Sealing {
  return {
    async seal(asking) {
      const began = performance.now();
      try {
        const head = await sealing.seal(asking);
        meter.count('tacet_seals_total', { outcome: 'made' });
        meter.observe('tacet_seal_seconds', {}, (performance.now() - began) / 1000);
        return head;
      } catch (error) {
        meter.count('tacet_seals_total', { outcome: 'failed' });
        throw error;
      }
    },
    lockAway: async (asking) => await sealing.lockAway(asking),
    expire: async (asking) => await sealing.expire(asking),
    nextExpiry: async () => await sealing.nextExpiry(),
  };
}
