import { listHoldsOperation } from './holds/list-holds.ts';
import { placeHoldOperation } from './holds/place-hold.ts';
import { readHoldOperation } from './holds/read-hold.ts';
import { releaseHoldOperation } from './holds/release-hold.ts';
import type { Operation } from './operation.ts';

export const holdOperations: readonly Operation[] = [
  placeHoldOperation,
  listHoldsOperation,
  readHoldOperation,
  releaseHoldOperation,
];
