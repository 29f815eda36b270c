import { placeName, topPlace } from '../../keys/page.ts';
import { hasCode } from '../../model/errors.ts';
import type { TopRow } from '../../model/key-store.ts';
import type { StoreReads } from '../../model/store.ts';
import type { VaultState } from '../../model/vault.ts';
import type { Engine } from '../context.ts';
import { checkAudit } from './audit.ts';
import { checkBlobs } from './blobs.ts';
import { checkCalls } from './calls.ts';
import { checkCampaigns } from './campaigns.ts';
import { checkDoomed } from './doomed.ts';
import { checkErasures } from './erasures.ts';
import { checkEvents } from './events.ts';
import { Findings } from './findings.ts';
import { checkFoundBy } from './found-by.ts';
import { checkJournal } from './journal.ts';
import { checkLateArtifacts } from './late-artifacts.ts';
import type { Look } from './look.ts';
import { malformedDetail } from './malformed.ts';
import { checkStoredPlaces, openTopmost } from './pages.ts';
import { checkSlots, type EpochKeys } from './slots.ts';
import { checkTenants } from './tenants.ts';
import { checkTokens } from './tokens.ts';
import { checkTombstones } from './tombstones.ts';
import { checkUsers } from './users.ts';
import { checkHead, checkSegments } from './vault.ts';
import { checkCopies } from './vault-copies.ts';
import { detailOf, readVault } from './vault-reads.ts';

/** A root key may expire between our reading its name and our reading its file; then we start anew. */
const attempts = 5;

export type LookOptions = {
  /** Also opens what is sealed: rows wholly, of recordings first and last segment. */
  deep: boolean;
};

/**
 * Reads the whole archive again and says what does not agree: rows, key pages, journal, tombstones, vault and blobs, each
 * compared with the others both ways. Trusts nothing that the engine recorded, asks no cache, changes nothing.
 *
 * The quick look opens key pages and nothing else: of recordings it asks whether they are there and how large. The deep
 * look opens every artifact, makes the tokens of every call and candidate anew from what is sealed, compares erasures with the digest of
 * their plan and tombstones with the journal, and counts by tenant.
 *
 * The database is read as of one instant, page by page; what lies outside it is looked at in an order in which work in
 * progress cannot look like damage. So it may run beside a working server, which its long read keeps from emptying the
 * write-ahead log meanwhile. Memory does not grow with the archive.
 *
 * @throws AppError where it could not look: `blob_failed`, `vault_unreachable`, `store_busy`.
 */
export async function lookAt(engine: Engine, { deep }: LookOptions): Promise<Findings> {
  for (let attempt = 1; ; attempt += 1) {
    const findings = new Findings();
    const isDone = await lookOnce({ engine, findings, isDeep: deep }, attempt === attempts);
    if (!isDone && attempt < attempts && !findings.has('database_malformed')) continue;
    await reporting(findings, async () => await checkCopies(engine, findings));
    await reporting(findings, async () => await checkBlobs(engine, findings));
    return findings;
  }
}

/** Vault and database. False where that has to be done anew. */
async function lookOnce(on: Pick<Look, 'engine' | 'findings' | 'isDeep'>, isLast: boolean): Promise<boolean> {
  return await reporting(on.findings, async () => {
    const before = await readVault(on.engine.vault, on.findings);
    return await on.engine.store.snapshot(async (reads) => await checkInstant({ ...on, reads }, before, isLast));
  });
}

/** All that is compared at one instant of the database. False, unless it is the last attempt, where the root key was gone. */
async function checkInstant(
  on: Pick<Look, 'engine' | 'reads' | 'findings' | 'isDeep'>,
  before: VaultState | undefined,
  isLast: boolean,
): Promise<boolean> {
  const top = await on.reads.keys.readTop();
  if (top === undefined) {
    on.findings.problem('unreadable', 'the archive row is missing');
    return true;
  }
  const rootKey = await rootKeyOf(on, top);
  const topmost = rootKey && openTopmost(on.engine.tree, top, rootKey);
  rootKey?.fill(0);
  // A key that does not fit may have been read while it was being destroyed.
  if (topmost === undefined && !isLast) return false;
  if (rootKey === undefined) on.findings.problem('root_key_missing', `root key ${top.keyId}`);
  else if (topmost === undefined)
    on.findings.problem('page_damaged', `page ${placeName(topPlace(on.engine.tree.shape))}`);
  const after = before && (await readVault(on.engine.vault, on.findings));
  const tenants = await on.reads.tenants.list();
  const look: Look = { ...on, tenants, epochs: await epochsOf(on.reads, tenants), now: on.engine.clock.now() };
  const epochKeys: EpochKeys = new Map();
  const checks = [
    async () => {
      if (before && after) await checkHead(look, top, before, after);
    },
    async () => await checkStoredPlaces(look),
    async () => {
      if (topmost) await checkSlots(look, topmost, top.nextLeaf, epochKeys);
    },
    async () => await checkJournal(look, top.nextLeaf),
    async () => {
      if (after) await checkSegments(look, after);
    },
    async () => await checkTenants(look),
    async () => await checkUsers(look),
    async () => await checkCampaigns(look),
    async () => await checkCalls(look),
    async () => await checkLateArtifacts(look),
    async () => await checkEvents(look),
    async () => await checkTokens(look, epochKeys),
    async () => {
      if (look.isDeep && topmost) await checkFoundBy(look, epochKeys);
    },
    async () => await checkTombstones(look, epochKeys),
    async () => await checkErasures(look),
    async () => await checkDoomed(look),
    async () => await checkAudit(look, top.archiveId),
  ];
  try {
    for (const check of checks) await reporting(look.findings, check);
    return true;
  } finally {
    for (const key of epochKeys.values()) key.fill(0);
    topmost?.keys.fill(0);
  }
}

/** The named root key as the vault has it now; undefined where it is not there, damaged, or locked: not named any more. */
async function rootKeyOf({ engine }: Pick<Look, 'engine'>, top: TopRow): Promise<Buffer | undefined> {
  try {
    return await engine.vault.open(top.keyId, top.generation);
  } catch (error) {
    if (hasCode(error, 'damage') || hasCode(error, 'key_locked')) return undefined;
    throw error;
  }
}

async function epochsOf(reads: StoreReads, tenants: Look['tenants']): Promise<Look['epochs']> {
  const epochs = new Map<string, Awaited<ReturnType<StoreReads['tokens']['epochs']>>>();
  for (const { id } of tenants) epochs.set(id, await reads.tokens.epochs(id));
  return epochs;
}

/** A check that meets something unreadable says so, answers false, and does not keep the others from looking. */
async function reporting(findings: Findings, check: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await check()) !== false;
  } catch (error) {
    const malformed = malformedDetail(error);
    if (malformed !== undefined) findings.problem('database_malformed', malformed);
    else if (hasCode(error, 'damage')) findings.problem('unreadable', detailOf(error));
    else throw error;
    return false;
  }
}
