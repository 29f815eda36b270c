import { describe, test } from 'vitest';
import type { StoreCases, StoreSubject } from '../support/store-subject.ts';
import { archiveCases } from './store.archive.ts';
import { backlogCases } from './store.backlog.ts';
import { callListCases } from './store.call-lists.ts';
import { campaignCases } from './store.campaigns.ts';
import { candidateCases } from './store.candidates.ts';
import { chainCases } from './store.chains.ts';
import { completingCases } from './store.completing.ts';
import { copyCases } from './store.copies.ts';
import { erasureCases } from './store.erasures.ts';
import { eventCases } from './store.events.ts';
import { groupingCases } from './store.grouping.ts';
import { lateArtifactCases } from './store.late-artifacts.ts';
import { markCases } from './store.marks.ts';
import { oneWriterCases } from './store.one-writer.ts';
import { ownersOfCases } from './store.owners-of.ts';
import { planCases } from './store.plans.ts';
import { recordCases } from './store.records.ts';
import { searchCases } from './store.searching.ts';
import { settingCases } from './store.settings.ts';
import { spanCases } from './store.spans.ts';
import { takingCases } from './store.taking.ts';
import { tokenCases } from './store.tokens.ts';
import { transactionCases } from './store.transactions.ts';
import { userCases } from './store.users.ts';

const common: StoreCases = {
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
  ...backlogCases,
  ...takingCases,
  ...callListCases,
  ...planCases,
  ...ownersOfCases,
  ...chainCases,
  ...settingCases,
};

/** What only a store in a file promises: one writer at a time, a log that can be emptied, copies. */
const fileCases: StoreCases = { ...oneWriterCases, ...copyCases };

/** Runs every case against a fresh store. */
export function storeContract(subject: {
  name: string;
  open: () => Promise<StoreSubject>;
  /** True for one that is a file of its own. */
  isFile: boolean;
}): void {
  describe(`store contract: ${subject.name}`, () => {
    for (const [guarantee, run] of Object.entries({ ...common, ...(subject.isFile && fileCases) })) {
      test(guarantee, async () => {
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
