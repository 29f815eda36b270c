import { describe, test } from 'vitest';
import type { StoreSubject } from '../support/store-subject.ts';
import { archiveCases } from './store.archive.ts';
import { campaignCases } from './store.campaigns.ts';
import { candidateCases } from './store.candidates.ts';
import { completingCases } from './store.completing.ts';
import { copyCases } from './store.copies.ts';
import { erasureCases } from './store.erasures.ts';
import { eventCases } from './store.events.ts';
import { groupingCases } from './store.grouping.ts';
import { lateArtifactCases } from './store.late-artifacts.ts';
import { markCases } from './store.marks.ts';
import { recordCases } from './store.records.ts';
import { searchCases } from './store.searching.ts';
import { spanCases } from './store.spans.ts';
import { tokenCases } from './store.tokens.ts';
import { transactionCases } from './store.transactions.ts';
import { userCases } from './store.users.ts';

const cases = {
  ...transactionCases,
  ...groupingCases,
  ...archiveCases,
  ...tokenCases,
  ...erasureCases,
  ...spanCases,
  ...completingCases,
  ...markCases,
  ...searchCases,
  ...campaignCases,
  ...candidateCases,
  ...userCases,
  ...lateArtifactCases,
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
