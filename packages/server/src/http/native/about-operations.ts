import { readDocs } from './about/read-docs.ts';
import { readOpenapi } from './about/read-openapi.ts';
import type { Operation } from './operation.ts';

export const aboutOperations: readonly Operation[] = [readOpenapi, readDocs];
