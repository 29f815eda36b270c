import type { CallKind } from './call.ts';
import type { Actor } from './erasure.ts';

/** One customer organisation. `number` is the small integer that Twin24's clients call company id. */
export type Tenant = { id: string; number: number; slug: string; region: string; createdAt: number };

/**
 * Above how many calls, or what part in percent of all, an erasure needs a second actor's approval. 0 switches one off; null
 * is what the configuration says.
 */
export type GuardBounds<Unset = null> = { calls: number | Unset; percent: number | Unset };

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
  /** The secret before the last rotation, while it is still good; null where there is none. */
  oldSecretHash: string | null;
  oldExpiresAt: number | null;
  /** When a token was last asked for, to the hour; null for never. */
  lastUsedAt: number | null;
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
  /** When the user last logged in, to the hour; null for never. */
  lastUsedAt: number | null;
};

/** What is kept of a request with an `Idempotency-Key`: its status and an id, never its body. */
export type KeptAnswer = {
  tenantId: string;
  /** The key, who sent it and what for, as a token under the tenant's tombstone key. */
  key: Uint8Array;
  /** What the request made, or is making: a call, an erasure, a hold, a client, a user. */
  subjectId: string;
  /** Null while the request is under way. */
  status: number | null;
  /**
   * What tells another body from the same one, sealed under the slot of the subject's personal part, so that it dies with
   * that. Null until the answer, and where `print` is not.
   */
  sealed: Uint8Array | null;
  /** The same of a body in which nothing can be personal, keyed; null for all others. */
  print: Uint8Array | null;
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

/** With its place in the tenant's chain, from 1, and the chain up to it (SHA-256); null until it is chained. */
export type ChainedEntry = AuditEntry & { seq: number | null; chain: Uint8Array | null };

/** The end of a tenant's audit chain; `tenantId` null is the archive's own. */
export type AuditHead = {
  tenantId: string | null;
  seq: number;
  chain: Uint8Array;
  /** Of the end that was last entered into the journal; 0 before the first. */
  journaledSeq: number;
  /** When that was, in ms. */
  journaledAt: number;
};

/** For how long calls of one kind are kept. In force from `effectiveAt` on, until a later one is. */
export type Retention = {
  tenantId: string;
  kind: CallKind;
  effectiveAt: number;
  /** Null keeps them for ever. */
  days: number | null;
  setAt: number;
  /** False where calls that had been archived by `setAt` are left alone. */
  reachesExisting: boolean;
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
