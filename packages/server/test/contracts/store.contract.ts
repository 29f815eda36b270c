import { describe, test } from 'vitest';
import type { StoreSubject } from '../support/store-subject.ts';
import { archiveCases } from './store.archive.ts';
import { copyCases } from './store.copies.ts';
import { erasureCases } from './store.erasures.ts';
import { eventCases } from './store.events.ts';
import { groupingCases } from './store.grouping.ts';
import { recordCases } from './store.records.ts';
import { spanCases } from './store.spans.ts';
import { tokenCases } from './store.tokens.ts';
import { transactionCases } from './store.transactions.ts';

const cases = {
  ...transactionCases,
  ...groupingCases,
  ...archiveCases,
  ...tokenCases,
  ...erasureCases,
  ...spanCases,
  ...eventCases,
  ...recordCases,
  ...copyCases,
};

/** A case that a store cannot pass, and why. */
export type StoreContractSkip = { test: keyof typeof cases; reason: string };

/** Runs every case against a fresh store. A skipped case appears in the report with its reason. */
export function storeContract(subject: {
  name: string;
  open: () => Promise<StoreSubject>;
  skips: readonly StoreContractSkip[];
}): void {
  const skips = new Map<string, string>(subject.skips.map(({ test: skipped, reason }) => [skipped, reason]));
  describe(`store contract: ${subject.name}`, () => {
    for (const [guarantee, run] of Object.entries(cases)) {
      test(guarantee, async (context) => {
        const reason = skips.get(guarantee);
        if (reason !== undefined) context.skip(reason);
        const opened = await subject.open();
        try {
          await run(opened);
        } finally {
          await opened.close();
        }
      });
    }
  });
}
