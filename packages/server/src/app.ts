import { setMaxListeners } from 'node:events';
import { attendDatabase } from './app-attending.ts';
import { type HeldArchive, holdArchive, type OpenedBlobs, openBlobs, openStore } from './app-places.ts';
import type { Config } from './config.ts';
import { ensureSigningKey, newProcessId } from './engine/access/signing-key.ts';
import { refuseForeignBlobs, takeBlobs } from './engine/archive/own-blobs.ts';
import type { Engine } from './engine/context.ts';
import { createCompletions } from './engine/erasure/complete-together.ts';
import { createShredQueue } from './engine/erasure/shred.ts';
import { Reach } from './engine/jobs/reach.ts';
import { Worker } from './engine/jobs/worker.ts';
import { Secrets } from './engine/secrets.ts';
import { meteredSealing } from './engine/upkeep/metered-sealing.ts';
import { type Sealing, SealScheduler } from './engine/upkeep/seal-scheduler.ts';
import { Upkeep } from './engine/upkeep/upkeep.ts';
import { KeyTree } from './keys/key-tree.ts';
import { refuseForeign } from './keys/restored.ts';
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
import { meteredBlobs } from './metrics/metered-blobs.ts';
import { meteredStore } from './metrics/metered-store.ts';
import type { BlobStore } from './model/blob-store.ts';
import { alwaysThere } from './model/database-standing.ts';
import { AppError, codeOf } from './model/errors.ts';
import type { KeyStore } from './model/key-store.ts';
import { type Meter, silentMeter } from './model/meter.ts';
import type { Store } from './model/store.ts';
import type { Vault } from './model/vault.ts';
import type { PostgresWatch } from './store/postgres-watch.ts';
import { FileVault } from './vault/file-vault.ts';
import { openFolder } from './vault/folder.ts';
import { readMasterKey } from './vault/master-key.ts';
import { refuseFolders } from './vault/placement.ts';
import { hasSealedForm, type Identities, parseRecipient, proveRecipient } from './vault/recovery-key.ts';

/** What tests replace; the product uses the defaults. */
export type AppParts = {
  /** Default: the machine's, or on PostgreSQL the server's. */
  clock?: Clock;
  faults?: Faults;
  log?: Log;
  /** Told what the archive does. Without one nothing is measured. */
  meter?: Meter;
  blobs?: BlobStore;
  /** Open root keys that exist only sealed to a recovery key; a restore may need them. */
  identities?: Identities;
  /** Where the caller holds the archive for itself alone, as a restore does. Nobody looks for the recordings then. */
  held?: HeldArchive;
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
  /** Rejects when the database turns out to be ours no longer (`PostgresWatch`); the process has to end. Never resolves. */
  lost: Promise<never>;
  /** Ends the background, makes the seal that is due, gives back the slots, closes the database. */
  close(): Promise<void>;
};

/** Who opens it: a restore, or a move, works on a database that everybody else refuses, and holds the archive already. */
type Opening = { restoring: boolean; arriving?: boolean };

/** How long slots of a leaf stay reserved for a silent process. */
const reservationLeaseMs = 30_000;

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

/** Opens the database that a move fills, for that move and nobody else. */
export async function openForMove(config: Config, parts: AppParts): Promise<App> {
  return await open(config, parts, { restoring: false, arriving: true });
}

async function open(config: Config, parts: AppParts, opening: Opening): Promise<App> {
  const { log = stderrLog, faults = noFaults } = parts;
  const held = parts.held ?? (await holdArchive(config, 'shared', { log }));
  const { watch } = held;
  const clock = parts.clock ?? watch?.clock ?? systemClock;
  let store: Store | undefined;
  let opened: OpenedBlobs | undefined;
  const letGo = async () => {
    try {
      await store?.close();
      await opened?.close();
    } finally {
      if (parts.held === undefined) await held.release();
    }
  };
  try {
    const vault = await openVault(config, parts);
    store = await openStore(config, { clock, faults, vault, watch });
    // A database of another archive is not ours to migrate.
    const proveOwner = async (archiveId: string) => refuseForeign(await vault.current(), { archiveId });
    const migrated = await store.migrate({ arriving: opening.arriving === true, proveOwner, log });
    opened = parts.blobs ? { blobs: parts.blobs, close: async () => undefined } : await openBlobs(config, { faults });
    const { blobs } = opened;
    const assembled = await assemble(config, { ...parts, clock, faults, blobs, store, vault, watch }, opening);
    if (!opening.restoring) await readyKeys(assembled.engine);
    await readyBlobs(assembled.engine, parts, opening);
    if (watch) await attendDatabase(config, { ...assembled, vault, watch });
    return appOf({ ...assembled, watch, letGo }, migrated);
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
async function readyBlobs(engine: Engine, { held }: AppParts, { restoring }: Opening): Promise<void> {
  // What the database has not sealed yet is sealed before a restore replaces it, recordings or not.
  if (held && !restoring) return;
  // A restore goes on without recordings, tells which are missing, and marks their folder in the end.
  if (restoring) await refuseForeignBlobs(engine);
  else await takeBlobs(engine);
  await engine.blobs.check();
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
  given: AppParts & {
    clock: Clock;
    faults: Faults;
    blobs: BlobStore;
    store: Store;
    vault: Vault;
    watch: PostgresWatch | undefined;
  },
  opening: Opening,
): Promise<Assembled> {
  const { clock, faults, watch } = given;
  const { log = stderrLog, meter = silentMeter } = given;
  const store = given.meter ? meteredStore(given.store, given.meter) : given.store;
  const blobs = given.meter ? meteredBlobs(given.blobs, given.meter) : given.blobs;
  const processId = newProcessId(clock.now());
  const keyStore = store.keyStore;
  const forget = () => {
    engine.tree.dropCaches();
    engine.secrets.drop();
  };
  const standing = watch ?? alwaysThere;
  const reach = new Reach({ vault: given.vault, blobs, reads: keyStore.reads, standing, log, meter, forget });
  const { vault } = reach;
  const tree = new KeyTree({ store: keyStore, vault, clock, faults });
  const rootKeys = new RootKeys({ store: keyStore, vault, tree, clock, faults, horizonMs: config.horizonMs });
  const issuerOptions = { store: keyStore, tree, clock, faults, owner: processId, leaseMs: reservationLeaseMs };
  const issuer = new SlotIssuer({ ...issuerOptions, meter });

  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // Every erasure under way listens.
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
      rootKeys: meteredSealing(opening.restoring ? askingToRestore(rootKeys) : rootKeys, meter),
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
    meter,
    standing,
    reach,
    limits: config,
    processId,
    background: new Set(),
    stopping: stopping.signal,
    nudge: () => {
      for (const one of workers) one.nudge();
      watch?.tell();
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

type Opened = Assembled & { watch: PostgresWatch | undefined; letGo: () => Promise<void> };

function appOf(opened: Opened, migrated: readonly string[]): App {
  const { engine, keyStore, workers, stop, watch, letGo } = opened;
  const { clock, issuer, log, reach, sealer } = engine;
  const upkeep = new Upkeep(engine);
  return {
    engine,
    migrated,
    lost: watch?.refused ?? new Promise(() => undefined),
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
      reach.start();
      for (let made = 0; made < count; made += 1) workers.push(new Worker(engine));
      for (const one of workers) one.start();
    },
    async close() {
      stop();
      watch?.ending();
      reach.stop();
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
