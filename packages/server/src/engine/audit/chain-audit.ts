import { nextTurn } from '../../lib/next-turn.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { AuditEntry, AuditHead } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { chainedRow, firstLink, nextLink } from './audit-chain.ts';
import { journalHeads } from './journaled-heads.ts';

/** Rows chained by one transaction: well below the time that others may have to wait for it. */
const batchSize = 250;
/** Rows of one round, nearly. The first round after an upgrade may find millions; nobody waits for them. */
const rowsPerRound = 25_000;

type Link = { id: string; seq: number; chain: Uint8Array };

/**
 * Gives the rows that no chain holds yet their place in it, oldest first: tenant by tenant, and the archive's own in a chain
 * of theirs. A row is numbered when it is seen, so one whose transaction committed late comes after younger ones.
 *
 * Any number of processes may do so; one at a time does. Returns how many rows were chained; a round has an end, and the next
 * one goes on. Then where the chains end is entered into the journal, which the next seal copies to the vault. Reads one row,
 * and the ends, where there is nothing to do.
 */
export async function chainAudit(
  engine: Pick<Engine, 'store' | 'clock' | 'stopping'>,
  { perRound = rowsPerRound }: { perRound?: number } = {},
): Promise<number> {
  const { store, stopping } = engine;
  let chained = 0;
  while (chained < perRound && !stopping.aborted) {
    if ((await store.reads.audit.unchained(1)).length === 0) break;
    chained += await store.write(chainSome);
    await nextTurn();
  }
  await journalHeads(engine);
  return chained;
}

async function chainSome(tx: StoreTx): Promise<number> {
  await tx.audit.takeChains();
  const entries = await tx.audit.unchained(batchSize);
  if (entries.length === 0) return 0;
  const heads = new Map((await tx.audit.heads()).map((head) => [head.tenantId, head]));
  const links: Link[] = [];
  const moved = new Map<string | null, AuditHead>();
  for (const entry of entries) {
    const { tenantId } = entry;
    const head = moved.get(tenantId) ?? heads.get(tenantId) ?? (await newHead(tx, tenantId));
    const link = linkOf(entry, head);
    links.push(link);
    moved.set(tenantId, { ...head, seq: link.seq, chain: link.chain });
  }
  await tx.audit.link(links);
  for (const head of moved.values()) await tx.audit.setHead(head);
  return links.length;
}

function linkOf(entry: AuditEntry, head: AuditHead): Link {
  const seq = head.seq + 1;
  return { id: entry.id, seq, chain: nextLink(head.chain, chainedRow(entry, seq)) };
}

async function newHead(tx: StoreTx, tenantId: string | null): Promise<AuditHead> {
  const ownerId = tenantId ?? (await tx.keys.readTop())?.archiveId;
  if (ownerId === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
  return { tenantId, seq: 0, chain: firstLink(ownerId), journaledSeq: 0, journaledAt: 0 };
}
