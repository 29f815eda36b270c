import type { KeyTree } from '../keys/key-tree.ts';
import type { RootKeys } from '../keys/root-keys.ts';
import type { SlotIssuer } from '../keys/slot-issuer.ts';
import type { TokenEpochs } from '../keys/token-epochs.ts';
import type { Clock } from '../lib/clock.ts';
import type { Faults } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import type { LoginThrottle } from '../lib/login-throttle.ts';
import type { PasswordHasher } from '../lib/password-hash.ts';
import type { VerifiedSecrets } from '../lib/verified-secrets.ts';
import type { BlobStore } from '../model/blob-store.ts';
import type { DatabaseStanding } from '../model/database-standing.ts';
import type { Actor } from '../model/erasure.ts';
import { AppError } from '../model/errors.ts';
import type { Meter } from '../model/meter.ts';
import type { Store } from '../model/store.ts';
import type { GuardBounds, Scope, Tenant } from '../model/tenant.ts';
import type { Vault } from '../model/vault.ts';
import type { Completions } from './erasure/complete-together.ts';
import type { ShredQueue } from './erasure/shred.ts';
import type { Reach } from './jobs/reach.ts';
import type { Secrets } from './secrets.ts';
import type { SealScheduler } from './upkeep/seal-scheduler.ts';

/** Bounds that operators may set. */
export type Limits = {
  /** How long an uploader may be silent before its upload counts as abandoned. */
  uploadLeaseMs: number;
  /** How long a worker may be silent before another takes its job over; at most 60 s. */
  jobLeaseMs: number;
  /** Above these an erasure needs a second actor's approval, unless its tenant has bounds of its own; 0 switches one off. */
  guard: GuardBounds<never>;
  /** For how long a plan may be executed. */
  planLifeMs: number;
  /** Largest recording accepted, in bytes. */
  uploadBytesMax: number;
  /** How long a retired root key lives, and so how long a backup of the database opens. */
  horizonMs: number;
  /** How long a tombstone outlives its erasure. */
  tombstoneMs: number;
  /** How long a share link opens the call it was made for. */
  shareLifeMs: number;
  /** How long a link to a recording opens it. */
  recordLinkLifeMs: number;
};

/** What checking credentials takes. Counts and remembered secrets are this process's own. */
export type AccessTools = { hasher: PasswordHasher; verified: VerifiedSecrets; throttle: LoginThrottle };

/** What every verb works with. Built once, in app.ts. */
export type Engine = {
  store: Store;
  blobs: BlobStore;
  tree: KeyTree;
  rootKeys: RootKeys;
  vault: Vault;
  issuer: SlotIssuer;
  epochs: TokenEpochs;
  secrets: Secrets;
  sealer: SealScheduler;
  access: AccessTools;
  shredQueue: ShredQueue;
  completions: Completions;
  clock: Clock;
  faults: Faults;
  log: Log;
  meter: Meter;
  /** Whether the database is still the one that was opened. */
  standing: DatabaseStanding;
  /** Whether vault and blob store can be reached. */
  reach: Reach;
  limits: Limits;
  /** Names this process among all that work on the archive. */
  processId: string;
  /** Erasures that requests of this process have started; the process waits for them when it ends. */
  background: Set<Promise<void>>;
  /** Aborted when the process ends: what runs stops at its next step and is taken over later. */
  stopping: AbortSignal;
  /** Tells this process's worker that there is something to do; a hint, never needed. */
  nudge: () => void;
};

/** Who calls a verb, for which tenant, and what the token allows. The tenant comes from the token alone. */
export type Caller = { tenant: Tenant; actor: Actor; scopes: ReadonlySet<Scope> };

/** First line of every verb: throws `scope_missing` unless the caller has one of the scopes. */
export function requireScope(caller: Caller, ...oneOf: Scope[]): void {
  if (!oneOf.some((scope) => caller.scopes.has(scope))) {
    throw new AppError('scope_missing', { message: `This needs the scope ${oneOf.join(' or ')}` });
  }
}
