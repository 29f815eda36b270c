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

/** A person who logs in with e-mail and password. The e-mail is sealed in the artifact `user`, until the user is disabled. */
export type User = {
  id: string;
  /** The small integer by which Twin24's clients know the user. */
  number: number;
  tenantId: string;
  /** What the e-mail is looked up by: keyed, meaningless without the archive's login key. Random of one who is disabled. */
  login: Uint8Array;
  /** Argon2id, PHC string form. Empty of one who is disabled. */
  passwordHash: string;
  scopes: Scope[];
  /** Grows with every change, so that remembered passwords of old versions die. */
  version: number;
  createdAt: number;
  disabledAt: number | null;
};

/** What is kept of a request with an `Idempotency-Key`: its status and an id, never its body. */
export type KeptAnswer = {
  tenantId: string;
  /** The key, who sent it and what for, as a token under the tenant's tombstone key. */
  key: Uint8Array;
  /** The call that the request made, or is making. */
  subjectId: string;
  /** Null while the request is under way. */
  status: number | null;
  /** What tells another body from the same one, sealed under the slot of the call's details. Null until the answer. */
  sealed: Uint8Array | null;
  createdAt: number;
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
