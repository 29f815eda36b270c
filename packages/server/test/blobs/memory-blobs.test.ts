import { MemoryBlobs } from '../../src/blobs/memory-blobs.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { blobStoreContract } from '../contracts/blobs.contract.ts';

blobStoreContract({
  name: 'memory',
  open: async () => ({ store: new MemoryBlobs({ clock: systemClock }), close: async () => {} }),
  skips: [],
});
