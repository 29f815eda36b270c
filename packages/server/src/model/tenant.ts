import type { Actor } from './erasure.ts';

/** One customer organisation. `number` is the small integer that Twin24's clients call company id. */
export type Tenant = { id: string; number: number; slug: string; region: string; createdAt: number };

export const scopes = [
  'calls:write',
  'calls:read',
  'erasures:preview',
  'erasures:execute',
  'holds:write',
  'audit:read',
  'admin',
] as const;
export type Scope = (typeof scopes)[number];

/** Credentials of a program. `version` grows with every change, so that remembered secrets of old versions die. */
export type ApiClient = {
  id: string;
  tenantId: string;
  /** Argon2id, PHC string form. */
  secretHash: string;
  scopes: Scope[];
  version: number;
  createdAt: number;
  expiresAt: number;
  disabledAt: number | null;
};

/** One line of the audit trail: who did what to which id; counts and codes only. */
export type AuditEntry = {
  id: string;
  at: number;
  tenantId: string | null;
  actor: Actor;
  event: string;
  subjectId: string | null;
  detail: Record<string, string | number | boolean | null>;
};

export type JobKind = 'erasure';

/** Work that outlives a process. `payload` is an id. Fenced by `leaseOwner` and `attempts` together. */
export type Job = {
  id: string;
  kind: JobKind;
  payload: string;
  runAt: number;
  attempts: number;
  leaseOwner: string | null;
  leaseUntil: number | null;
  lastError: string | null;
  finishedAt: number | null;
};
