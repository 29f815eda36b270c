import type { ProblemCode } from './problem-meanings.ts';

/**
 * What a repair may do about a problem: named while looking, done afterwards, each in a transaction that looks again
 * whether the problem is still there. Ids only.
 */
export type Cure = { code: ProblemCode } & (
  | { kind: 'slot'; slot: number }
  | { kind: 'artifacts'; tenantId: string; ownerId: string }
  | { kind: 'tokens'; ownerId: string }
  | { kind: 'events'; tenantId: string; callId: string }
  | { kind: 'tombstone'; tenantId: string; callId: string; journalId: string }
  | { kind: 'tombstone-tokens'; tenantId: string; callId: string }
  | { kind: 'doomed'; blob: string }
  | { kind: 'erasure'; erasureId: string }
  | { kind: 'bytes'; blob: string }
  | { kind: 'unfinished' }
);

export type CureOf<Kind extends Cure['kind']> = Extract<Cure, { kind: Kind }>;
