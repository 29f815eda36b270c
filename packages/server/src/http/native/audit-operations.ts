import { exportAuditOperation } from './audit/export-audit.ts';
import { listAuditOperation } from './audit/list-audit.ts';
import type { Operation } from './operation.ts';

export const auditOperations: readonly Operation[] = [listAuditOperation, exportAuditOperation];
