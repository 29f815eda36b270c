import { journalEntry } from '../../keys/journal-entries.ts';
import { firstIdOf } from '../../lib/ids.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreReads } from '../../model/store.ts';
import type { AuditHead } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { segmentsOutliveMs } from '../journal-details.ts';

/*
 * Whoever rules the database can make a chain anew, its end included. Ends that stand in the journal reach the vault with
 * the next seal, and there they stay for as long as its segments do: longer than the horizon.
 */

/** A chain's end as the journal has it. */
export type JournaledHead = {
  tenantId: string | null;
  seq: number;
  /** In hex. */
  chain: string;
  at: number;
  /** Entered by a restore: whatever the journal knew beyond it went with the database that was lost. */
  isRestored: boolean;
};

/** Ends of one chain are entered this far apart, or later: the journal is kept for ever. */
const journaledEveryMs = 10 * 60_000;
/** Entries read in one go. */
const pageSize = 500;
const restored = 'restored';

/** Enters the ends of those chains into the journal that have grown since, and are due. Reads the ends where none is. */
export async function journalHeads({ store, clock }: Pick<Engine, 'store' | 'clock'>): Promise<void> {
  const now = clock.now();
  const isDue = ({ seq, journaledSeq, journaledAt }: AuditHead) =>
    seq > journaledSeq && (journaledAt > now || now - journaledAt >= journaledEveryMs);
  if (!(await store.reads.audit.heads()).some(isDue)) return;
  await store.write(async (tx) => {
    await tx.audit.takeChains();
    const due = (await tx.audit.heads()).filter(isDue);
    await tx.keys.appendJournal(due.map((head) => headEntry(head, now)));
    for (const head of due) await tx.audit.setHead({ ...head, journaledSeq: head.seq, journaledAt: now });
  });
}

/** Enters where every chain ends in a database that came from a copy, and that it was a restore that set it there. */
export async function journalRestoredHeads({ store, vault, clock }: Pick<Engine, 'store' | 'vault' | 'clock'>) {
  const seen = (await vault.current()).heads.at(-1)?.sealedAt ?? 0;
  // Later than what was entered under a clock that has been set back since.
  const at = Math.max(clock.now(), seen);
  await store.write(async (tx) => {
    await tx.audit.takeChains();
    const heads = new Map((await tx.audit.heads()).map((head) => [head.tenantId, head]));
    const none = { seq: 0, chain: new Uint8Array() };
    const tenantIds = [null, ...(await tx.tenants.list()).map(({ id }) => id)];
    await tx.keys.appendJournal(
      tenantIds.map((tenantId) => headEntry({ ...(heads.get(tenantId) ?? none), tenantId }, at, restored)),
    );
  });
}

function headEntry(
  { tenantId, seq, chain }: Pick<AuditHead, 'tenantId' | 'seq' | 'chain'>,
  at: number,
  action: string | null = null,
): JournalEntry {
  const detail = { seq, chain: Buffer.from(chain).toString('hex') };
  return journalEntry('audit_head', at, { tenantId, action, detail, slots: [] });
}

/**
 * The ends of all chains that the vault may still have, by tenant, less those that a restore has set back; and how many were.
 *
 * @param since ends entered before are left out: no segment of theirs is left to vouch for them.
 */
export async function journaledHeads(
  reads: Pick<StoreReads, 'journal'>,
  since: number,
): Promise<{ heads: Map<string | null, JournaledHead[]>; setBack: number }> {
  const found = new Map<string | null, JournaledHead[]>();
  for (let after = firstIdOf(Math.max(0, since)); ; ) {
    const page = await reads.journal.page(after, pageSize);
    for (const entry of page) {
      const head = toHead(entry);
      if (head === undefined) continue;
      const ofTenant = found.get(head.tenantId);
      if (ofTenant) ofTenant.push(head);
      else found.set(head.tenantId, [head]);
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.id;
  }
  let setBack = 0;
  const heads = new Map<string | null, JournaledHead[]>();
  for (const [tenantId, all] of found) {
    const restores = all.filter((head) => head.isRestored);
    const standing = all.filter((head) => !restores.some(({ at, seq }) => at >= head.at && seq < head.seq));
    setBack += all.length - standing.length;
    heads.set(tenantId, standing);
  }
  return { heads, setBack };
}

/** Since when ends of chains can be compared with what the vault has of them. */
export function vouchedSince(now: number, { horizonMs }: Engine['limits']): number {
  return now - horizonMs - segmentsOutliveMs;
}

/** What an entry says of a chain's end; whatever is not of the shape that is written here counts as not there. */
function toHead({ kind, tenantId, action, at, detail }: JournalEntry): JournaledHead | undefined {
  if (kind !== 'audit_head' || typeof detail !== 'object' || detail === null) return undefined;
  const { seq, chain } = detail as Partial<Record<string, unknown>>;
  if (typeof seq !== 'number' || typeof chain !== 'string') return undefined;
  return { tenantId, seq, chain, at, isRestored: action === restored };
}
