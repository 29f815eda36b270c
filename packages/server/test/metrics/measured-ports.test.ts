/** What is measured keeps every promise of its port: the contract suites, on ports that are told on. */
import { MemoryBlobs } from '../../src/blobs/memory-blobs.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { meteredBlobs } from '../../src/metrics/metered-blobs.ts';
import { meteredStore } from '../../src/metrics/metered-store.ts';
import { PromMeter } from '../../src/metrics/prom-meter.ts';
import { blobStoreContract } from '../contracts/blobs.contract.ts';
import { keyStoreContract } from '../contracts/key-store.contract.ts';
import { storeContract } from '../contracts/store.contract.ts';
import { openNewStore } from '../support/store-homes.ts';
import { slotNaming } from '../support/store-rows.ts';
import type { StoreSubject } from '../support/store-subject.ts';

const meter = new PromMeter();

async function openMeasured(): Promise<StoreSubject> {
  const subject = await openNewStore();
  return { ...subject, store: meteredStore(subject.store, meter) };
}

storeContract({ name: 'measured', open: openMeasured, isFile: true });

keyStoreContract('measured', async () => {
  const { store, close } = await openMeasured();
  return { keyStore: store.keyStore, close, nameSlots: slotNaming(store) };
});

blobStoreContract({
  name: 'measured',
  open: async () => ({
    store: meteredBlobs(new MemoryBlobs({ clock: systemClock }), meter),
    close: async () => {},
  }),
  skips: [],
});
