import type { App } from '../../src/app.ts';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';

/** The verbs that histories ask; a planted defect replaces one. */
export const verbs = { purge, sessionStandings, eraseNow, placeHold, releaseHold };
export type Verbs = typeof verbs;

/** What a test of the model test spoils: something behind a port of each opened archive, or a verb. */
export type Spoiling = { spoil?: (app: App) => void; verbs?: Verbs };
