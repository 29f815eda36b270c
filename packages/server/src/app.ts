import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FileBlobs } from './blobs/file-blobs.ts';
import type { Config } from './config.ts';
import { ensureSigningKey, newProcessId } from './engine/access/signing-key.ts';
import { refuseForeignBlobs, takeBlobs } from './engine/archive/own-blobs.ts';
import type { Engine } from './engine/context.ts';
import { createCompletions } from './engine/erasure/complete-together.ts';
import { createShredQueue } from './engine/erasure/shred.ts';
import { Worker } from './engine/jobs/worker.ts';
import { Secrets } from './engine/secrets.ts';
import { type Sealing, SealScheduler } from './engine/upkeep/seal-scheduler.ts';
import { Upkeep } from './engine/upkeep/upkeep.ts';
import { KeyTree } from './keys/key-tree.ts';
import { RootKeys } from './keys/root-keys.ts';
import { endReservations, SlotIssuer } from './keys/slot-issuer.ts';
import { TokenEpochs } from './keys/token-epochs.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import { type Faults, noFaults } from './lib/faults.ts';
import { newId } from './lib/ids.ts';
import { type Log, stderrLog } from './lib/log.ts';
import { LoginThrottle } from './lib/login-throttle.ts';
import { PasswordHasher } from './lib/password-hash.ts';
import { VerifiedSecrets } from './lib/verified-secrets.ts';
import type { BlobStore } from './model/blob-store.ts';
import { AppError, codeOf } from './model/errors.ts';
import type { KeyStore } from './model/key-store.ts';
import type { Store } from './model/store.ts';
import type { Vault } from './model/vault.ts';
import { holdHome } from './store/home-lock.ts';
import { openSqliteStore } from './store/store.ts';
import { FileVault } from './vault/file-vault.ts';
import { openFolder } from './vault/folder.ts';
import { readMasterKey } from './vault/master-key.ts';
import { refuseFolders } from './vault/placement.ts';
import { hasSealedForm, type Identities, parseRecipient, proveRecipient } from './vault/recovery-key.ts';

/** What tests replace; the product uses the defaults. */
export type AppParts = {
  clock?: Clock;
  faults?: Faults;
  log?: Log;
  blobs?: BlobStore;
  /** Open root keys that exist only sealed to a recovery key; a restore may need them. */
  identities?: Identities;
  /** True where the caller holds the home for itself alone, as a restore does. Nobody looks for the recordings then. */
  homeIsHeld?: boolean;
};

/** An opened archive. */
export type App = {
  engine: Engine;
  /** Names of the migrations that opening it has run. */
  migrated: readonly string[];
  /** Before any work: destroys slots that dead processes left, makes the token-signing key where there is none. */
  prepare(): Promise<void>;
  /** Starts what runs in the background; `workers` may be 0. */
  startBackground(workers: number): void;
  /** Ends the background, makes the seal that is due, gives back the slots, closes the database. */
  close(): Promise<void>;
};

/** Who opens it: a restore works on a database that everybody else refuses, and holds the home already. */
type Opening = { restoring: boolean };

/** How long slots of a leaf stay reserved for a silent process. */
const reservationLeaseMs = 60_000;

/**
 * Opens the archive of a home, creating and migrating what is missing. Throws `archive_restored` or `archive_mismatch`
 * where the database may not be used, and `blob_failed` where its recordings are not there.
 */
export async function openApp(config: Config, parts: AppParts = {}): Promise<App> {
  return await open(config, parts, { restoring: false });
}

/** Opens the database as it stands, for a restore and nothing else. */
export async function openForRestore(config: Config, parts: AppParts = {}): Promise<App> {
  return await open(config, parts, { restoring: true });
}

async function open(config: Config, parts: AppParts, opening: Opening): Promise<App> {
  const [clock, faults] = [parts.clock ?? systemClock, parts.faults ?? noFaults];
  const home = parts.homeIsHeld ? undefined : await holdHome(config.home, 'shared');
  let store: Store | undefined;
  const letGo = async () => {
    try {
      await store?.close();
    } finally {
      await home?.release();
    }
  };
  try {
    const vault = await openVault(config, parts);
    const file = databaseFile(config.home);
    if (!existsSync(file)) await refuseLost(vault);
    store = await openSqliteStore({ file, clock, faults });
    const migrated = await store.migrate();
    const blobs = parts.blobs ?? new FileBlobs({ root: join(config.home, 'blobs'), faults });
    const assembled = await assemble(config, { ...parts, clock, faults, blobs, store, vault }, opening);
    if (!opening.restoring) await readyKeys(assembled.engine);
    await readyBlobs(assembled.engine, parts, opening);
    return appOf({ ...assembled, letGo }, migrated);
  } catch (error) {
    await letGo();
    throw error;
  }
}

/** A key that cannot be locked away keeps nobody from starting: upkeep tries again. */
async function readyKeys({ rootKeys, clock, log }: Engine): Promise<void> {
  await rootKeys.ready(newId(clock.now()), { restoring: false, leaveUnlocked: true });
  try {
    await rootKeys.lockAway();
  } catch (error) {
    log.error('lock_away.failed', { code: codeOf(error) });
  }
}

/** The blob store is looked at last: a database that may not be used says so, wherever the recordings are. */
async function readyBlobs(engine: Engine, { homeIsHeld }: AppParts, { restoring }: Opening): Promise<void> {
  // What the database has not sealed yet is sealed before a restore replaces it, recordings or not.
  if (homeIsHeld && !restoring) return;
  // A restore goes on without recordings, tells which are missing, and marks their folder in the end.
  if (restoring) await refuseForeignBlobs(engine);
  else await takeBlobs(engine);
  await engine.blobs.check();
}

/** A database that is not there must not be made anew, empty, where there has been one: it was lost, and can be restored. */
async function refuseLost(vault: Vault): Promise<void> {
  if ((await vault.current()).heads.length === 0) return;
  throw new AppError('archive_restored', { detail: 'the vault has seals of a database that is not here' });
}

/** The vault of an archive, by itself: what a restore looks into before it touches anything. */
export async function openVault(config: Config, parts: Pick<AppParts, 'faults' | 'identities'> = {}): Promise<Vault> {
  await refuseFolders({ home: config.home, folders: config.keysDirs });
  const masterKey = config.masterKeyFile === null ? undefined : await readMasterKey(config.masterKeyFile, config.home);
  const recoveryKey = config.recoveryKey === null ? undefined : parseRecipient(config.recoveryKey);
  if (recoveryKey) await proveRecipient(recoveryKey);
  const folders = config.keysDirs.map((folder) => openFolder(folder));
  const keys = { ...(masterKey && { masterKey }), ...(recoveryKey && { recoveryKey }) };
  const { faults = noFaults, identities } = parts;
  return new FileVault({ folders, faults, isLocked: hasSealedForm, ...keys, ...(identities && { identities }) });
}

type Assembled = { engine: Engine; keyStore: KeyStore; workers: Worker[]; stop: () => void };

/** The only place that builds objects; read top to bottom it is the architecture. */
async function assemble(
  config: Config,
  given: AppParts & { clock: Clock; faults: Faults; blobs: BlobStore; store: Store; vault: Vault },
  opening: Opening,
): Promise<Assembled> {
  const { clock, faults, blobs, store, vault } = given;
  const log = given.log ?? stderrLog;
  const processId = newProcessId(clock.now());
  const keyStore = store.keyStore;
  const tree = new KeyTree({ store: keyStore, vault, clock, faults });
  const rootKeys = new RootKeys({ store: keyStore, vault, tree, clock, faults, horizonMs: config.horizonMs });
  const issuerOptions = { store: keyStore, tree, clock, faults, owner: processId, leaseMs: reservationLeaseMs };
  const issuer = new SlotIssuer(issuerOptions);

  const stopping = new AbortController();
  const workers: Worker[] = [];
  const engine: Engine = {
    store,
    blobs,
    tree,
    rootKeys,
    vault,
    issuer,
    epochs: new TokenEpochs({ store, tree, issuer, clock, faults }),
    secrets: new Secrets({ store, tree, clock }),
    sealer: new SealScheduler({
      rootKeys: opening.restoring ? askingToRestore(rootKeys) : rootKeys,
      store,
      clock,
      log,
    }),
    shredQueue: createShredQueue(() => engine),
    completions: createCompletions(() => engine),
    access: {
      hasher: new PasswordHasher(),
      verified: new VerifiedSecrets({ clock }),
      throttle: new LoginThrottle({ clock }),
    },
    clock,
    faults,
    log,
    limits: config,
    processId,
    background: new Set(),
    stopping: stopping.signal,
    nudge: () => {
      for (const one of workers) one.nudge();
    },
  };
  return {
    engine,
    keyStore,
    workers,
    stop: () => stopping.abort(new AppError('lease_lost', { detail: 'the process is ending' })),
  };
}

/** The seals of a restore: of a database that the vault has seen newer. */
function askingToRestore(rootKeys: RootKeys): Sealing {
  return {
    seal: async (asking) => await rootKeys.seal({ ...asking, restoring: true }),
    lockAway: async () => await rootKeys.lockAway({ restoring: true }),
    expire: async () => await rootKeys.expire({ restoring: true }),
    nextExpiry: async () => await rootKeys.nextExpiry(),
  };
}

function appOf(opened: Assembled & { letGo: () => Promise<void> }, migrated: readonly string[]): App {
  const { engine, keyStore, workers, stop, letGo } = opened;
  const { clock, issuer, log, sealer } = engine;
  const upkeep = new Upkeep(engine);
  return {
    engine,
    migrated,
    async prepare() {
      const destroyed = await endReservations(keyStore, engine.tree, clock, { endedBy: clock.now() });
      if (destroyed > 0) sealer.request();
      await ensureSigningKey(engine);
    },
    startBackground(count) {
      sealer.start().catch((error: unknown) => {
        // Without it the first seal is whichever an erasure asks for.
        log.warn('seal.not_scheduled', { code: codeOf(error) });
      });
      upkeep.start();
      for (let made = 0; made < count; made += 1) workers.push(new Worker(engine));
      for (const one of workers) one.start();
    },
    async close() {
      stop();
      await Promise.all(workers.map(async (one) => await one.stop()));
      await Promise.allSettled(engine.background);
      await upkeep.stop();
      try {
        if ((await issuer.close()) > 0) sealer.request();
      } catch (error) {
        // Left to the next process, once the lease of the reservation has ended.
        log.warn('slots.not_released', { code: codeOf(error) });
      }
      try {
        await sealer.close();
      } finally {
        await letGo();
      }
    },
  };
}

/** Where a home has its database. */
export function databaseFile(home: string): string {
  return join(home, 'db', 'tacet.sqlite');
}
