import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileBlobs } from './blobs/file-blobs.ts';
import type { Config } from './config.ts';
import { ensureSigningKey, newProcessId } from './engine/access/signing-key.ts';
import type { Engine } from './engine/context.ts';
import { createShredQueue } from './engine/erasure/shred.ts';
import { Worker } from './engine/jobs/worker.ts';
import { Secrets } from './engine/secrets.ts';
import { SealScheduler } from './engine/upkeep/seal-scheduler.ts';
import { Upkeep } from './engine/upkeep/upkeep.ts';
import { KeyTree } from './keys/key-tree.ts';
import { RootKeys } from './keys/root-keys.ts';
import { endReservations, SlotIssuer } from './keys/slot-issuer.ts';
import { TokenEpochs } from './keys/token-epochs.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import { systemError } from './lib/durable-files.ts';
import { type Faults, noFaults } from './lib/faults.ts';
import { newId } from './lib/ids.ts';
import { type Log, stderrLog } from './lib/log.ts';
import { LoginThrottle } from './lib/login-throttle.ts';
import { PasswordHasher } from './lib/password-hash.ts';
import { VerifiedSecrets } from './lib/verified-secrets.ts';
import type { BlobStore } from './model/blob-store.ts';
import { AppError, codeOf } from './model/errors.ts';
import type { Store } from './model/store.ts';
import { openSqliteStore } from './store/store.ts';
import { FileVault } from './vault/file-vault.ts';
import { openFolder } from './vault/folder.ts';

/** What tests replace; the product uses the defaults. */
export type AppParts = { clock?: Clock; faults?: Faults; log?: Log; blobs?: BlobStore };

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

/** How long slots of a leaf stay reserved for a silent process. */
const reservationLeaseMs = 60_000;

/**
 * Opens the archive of a home, creating and migrating what is missing. The only place that builds objects; read top to
 * bottom it is the architecture. Throws `archive_restored` or `archive_mismatch` where the database may not be used.
 */
export async function openApp(config: Config, parts: AppParts = {}): Promise<App> {
  const clock = parts.clock ?? systemClock;
  const faults = parts.faults ?? noFaults;
  const log = parts.log ?? stderrLog;
  const masterKey = config.masterKeyFile === null ? undefined : await readMasterKey(config.masterKeyFile);
  const store: Store = await openSqliteStore({ file: join(config.home, 'db', 'tacet.sqlite'), clock, faults });
  try {
    const migrated = await store.migrate();
    const blobs = parts.blobs ?? new FileBlobs({ root: join(config.home, 'blobs'), faults });
    await blobs.check();
    const folders = config.keysDirs.map((folder) => openFolder(folder));
    const vault = new FileVault({ folders, faults, ...(masterKey && { masterKey }) });

    const processId = newProcessId(clock.now());
    const keyStore = store.keyStore;
    const tree = new KeyTree({ store: keyStore, vault, clock, faults });
    const rootKeys = new RootKeys({ store: keyStore, vault, tree, clock, faults, horizonMs: config.horizonMs });
    await rootKeys.ready(newId(clock.now()));
    const issuerOptions = { store: keyStore, tree, clock, faults, owner: processId, leaseMs: reservationLeaseMs };
    const issuer = new SlotIssuer(issuerOptions);

    const stopping = new AbortController();
    let worker: Worker[] = [];
    const engine: Engine = {
      store,
      blobs,
      tree,
      rootKeys,
      vault,
      issuer,
      epochs: new TokenEpochs({ store, tree, issuer, clock, faults }),
      secrets: new Secrets({ store, tree, clock }),
      sealer: new SealScheduler({ rootKeys, store, clock, log }),
      shredQueue: createShredQueue(() => engine),
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
        for (const one of worker) one.nudge();
      },
    };
    const upkeep = new Upkeep(engine);
    return {
      engine,
      migrated,
      async prepare() {
        const destroyed = await endReservations(keyStore, tree, clock, { endedBy: clock.now() });
        if (destroyed > 0) engine.sealer.request();
        await ensureSigningKey(engine);
      },
      startBackground(workers) {
        engine.sealer.start().catch((error: unknown) => {
          // Without it the first seal is whichever an erasure asks for.
          log.warn('seal.not_scheduled', { code: codeOf(error) });
        });
        upkeep.start();
        worker = Array.from({ length: workers }, () => new Worker(engine));
        for (const one of worker) one.start();
      },
      async close() {
        stopping.abort(new AppError('lease_lost', { detail: 'the process is ending' }));
        await Promise.all(worker.map(async (one) => await one.stop()));
        await Promise.allSettled(engine.background);
        await upkeep.stop();
        try {
          if ((await issuer.close()) > 0) engine.sealer.request();
        } catch (error) {
          // Left to the next process, once the lease of the reservation has ended.
          log.warn('slots.not_released', { code: codeOf(error) });
        }
        try {
          await engine.sealer.close();
        } finally {
          await store.close();
        }
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** 32 bytes, raw or as hex or base64 text; the whole of it, so that a passphrase is never taken for a key by chance. */
async function readMasterKey(file: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const detail = systemError(error)?.code ?? 'unknown';
    throw new AppError('config_invalid', { message: 'TACET_MASTER_KEY_FILE cannot be read', detail });
  });
  if (bytes.length === 32) return bytes;
  const text = bytes.toString('latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
  throw new AppError('config_invalid', { message: 'TACET_MASTER_KEY_FILE does not hold 32 bytes' });
}
