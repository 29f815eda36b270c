import type { Operation } from './operation.ts';
import { issueToken } from './tokens/issue-token.ts';

export const tokenOperations: readonly Operation[] = [issueToken];
