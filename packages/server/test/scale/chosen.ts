/** What runs on PostgreSQL and S3 as well as on the embedded pair: what exercises SQL, locks and blobs, in a few minutes. */
export const scaleTests: readonly string[] = [
  'test/scale/*.proof.test.ts',
  'test/guard/*.test.ts',
  'test/retention/*.test.ts',
  'test/journeys/candidate-erasing.test.ts',
  'test/journeys/erasing.test.ts',
  'test/journeys/erasing-races.test.ts',
  'test/journeys/token-epochs.test.ts',
  'test/native/execute.test.ts',
  'test/native/execute-races.test.ts',
  'test/native/candidates.test.ts',
  'test/native/journey.test.ts',
  'test/native/odd-texts.test.ts',
  'test/native/fuzz.test.ts',
  'test/holds/held-among.test.ts',
  'test/audit/chain.test.ts',
  'test/receipts/receipt.test.ts',
];

/** Runs in place of them where there are no servers, to say so. */
export const withoutServers = 'test/scale/no-servers.test.ts';
