import { approveErasureOperation } from './erasures/approve-erasure.ts';
import { cancelErasureOperation } from './erasures/cancel-erasure.ts';
import { createErasureOperation } from './erasures/create-erasure.ts';
import { executeErasureOperation } from './erasures/execute-erasure.ts';
import { listErasuresOperation } from './erasures/list-erasures.ts';
import { listItemsOperation } from './erasures/list-items.ts';
import { readErasureOperation } from './erasures/read-erasure.ts';
import { readReceiptOperation } from './erasures/read-receipt.ts';
import { retryErasureOperation } from './erasures/retry-erasure.ts';
import { watchErasureOperation } from './erasures/watch-erasure.ts';
import type { Operation } from './operation.ts';

export const erasureOperations: readonly Operation[] = [
  createErasureOperation,
  listErasuresOperation,
  readErasureOperation,
  listItemsOperation,
  approveErasureOperation,
  executeErasureOperation,
  watchErasureOperation,
  retryErasureOperation,
  cancelErasureOperation,
  readReceiptOperation,
];
