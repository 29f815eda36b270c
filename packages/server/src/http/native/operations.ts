import { aboutOperations } from './about-operations.ts';
import { auditOperations } from './audit-operations.ts';
import { callOperations } from './call-operations.ts';
import { clientOperations } from './client-operations.ts';
import { erasureOperations } from './erasure-operations.ts';
import { holdOperations } from './hold-operations.ts';
import type { Operation } from './operation.ts';
import { settingOperations } from './setting-operations.ts';
import { tokenOperations } from './token-operations.ts';
import { userOperations } from './user-operations.ts';

/** Every operation of the native API, in the order in which its reference lists them. */
export const operations: readonly Operation[] = [
  ...tokenOperations,
  ...callOperations,
  ...erasureOperations,
  ...holdOperations,
  ...clientOperations,
  ...userOperations,
  ...auditOperations,
  ...settingOperations,
  ...aboutOperations,
];
