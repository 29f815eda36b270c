import { foundation } from './0001-foundation.ts';
import { metadataEvents } from './0002-metadata-events.ts';
import { campaigns } from './0003-campaigns.ts';
import { largeValues } from './0004-large-values.ts';
import { moves } from './0005-moves.ts';
import { lockedItems } from './0006-locked-items.ts';
import { nativeApi } from './0007-native-api.ts';
import { itemsAndUsers } from './0008-items-and-users.ts';
import type { Migration } from './migration.ts';

/** All of them, in the order in which they run. */
export const migrations: readonly Migration[] = [
  foundation,
  metadataEvents,
  campaigns,
  largeValues,
  moves,
  lockedItems,
  nativeApi,
  itemsAndUsers,
];
