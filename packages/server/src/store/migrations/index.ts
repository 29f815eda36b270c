import { foundation } from './0001-foundation.ts';
import { metadataEvents } from './0002-metadata-events.ts';
import { campaigns } from './0003-campaigns.ts';
import type { Migration } from './migration.ts';

/** All of them, in the order in which they run. */
export const migrations: readonly Migration[] = [foundation, metadataEvents, campaigns];
