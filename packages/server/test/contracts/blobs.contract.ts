import { describe, test } from 'vitest';
import type { BlobStore } from '../../src/model/blob-store.ts';
import { creatingCases } from './blobs.creating.ts';
import { erasingCases } from './blobs.erasing.ts';
import { owningCases } from './blobs.owning.ts';

const cases = { ...creatingCases, ...erasingCases, ...owningCases };

/** A case that a store cannot pass, and why. */
export type BlobContractSkip = { test: keyof typeof cases; reason: string };

/** Runs every case against a fresh, empty store. A skipped case appears in the report with its reason. */
export function blobStoreContract(subject: {
  name: string;
  open: () => Promise<{ store: BlobStore; close: () => Promise<void> }>;
  skips: readonly BlobContractSkip[];
}): void {
  const skips = new Map<string, string>(subject.skips.map(({ test: skipped, reason }) => [skipped, reason]));
  describe(`blob store contract: ${subject.name}`, () => {
    for (const [guarantee, run] of Object.entries(cases)) {
      test(guarantee, async (context) => {
        const reason = skips.get(guarantee);
        if (reason !== undefined) context.skip(reason);
        const { store, close } = await subject.open();
        try {
          await run(store);
        } finally {
          await close();
        }
      });
    }
  });
}
