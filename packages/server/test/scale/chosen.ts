/** What runs on PostgreSQL and S3 as well as on the embedded pair: what exercises SQL, locks and blobs, in a few minutes. */
export const scaleTests: readonly string[] = [
  'test/scale/*.proof.test.ts',
  'test/journeys/candidate-erasing.test.ts',
  'test/journeys/erasing.test.ts',
  'test/journeys/erasing-races.test.ts',
  'test/journeys/token-epochs.test.ts',
];

/** Runs in place of them where there are no servers, to say so. */
export const withoutServers = 'test/scale/no-servers.test.ts';
