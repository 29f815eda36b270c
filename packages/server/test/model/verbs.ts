import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';

/** The verbs that histories ask; a planted defect replaces one. */
export const verbs = { purge, sessionStandings, eraseNow, placeHold, releaseHold };
export type Verbs = typeof verbs;
