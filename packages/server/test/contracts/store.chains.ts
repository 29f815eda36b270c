import { expect } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { Bug } from '../../src/model/errors.ts';
import type { AuditSearch } from '../../src/model/record-store.ts';
import type { AuditEntry } from '../../src/model/tenant.ts';
import { addTenant, auditOf, id } from '../support/store-rows.ts';
import type { StoreCases, StoreSubject } from '../support/store-subject.ts';

const linkOf = (entry: AuditEntry, seq: number) => ({ id: entry.id, seq, chain: Buffer.alloc(32, seq) });
const chained = (entry: AuditEntry, seq: number) => ({ ...entry, seq, chain: Buffer.alloc(32, seq) });
const unchained = (entry: AuditEntry) => ({ ...entry, seq: null, chain: null });

async function append({ store }: StoreSubject, entries: readonly AuditEntry[]): Promise<void> {
  await store.write(async (tx) => {
    for (const entry of entries) await tx.audit.append(entry);
  });
}

/** Rows of the audit: in chains, and as they are asked for. */
export const chainCases = {
  'a row is in no chain until it is linked, and then in its place': async (subject) => {
    const { store } = subject;
    const tenant = await addTenant(store);
    const [first, second, third] = [auditOf(tenant), auditOf(tenant), auditOf(tenant, { at: 9 })];
    await append(subject, [second, first, third]);
    const { audit } = store.reads;
    expect(await audit.unchained(9)).toEqual([first, second, third]);
    expect(await audit.unchained(2)).toEqual([first, second]);
    expect(await audit.unchained(9, 9)).toEqual([first, second]);
    // Rows may come to their chain in another order than that of their ids.
    await store.write(async (tx) => {
      await tx.audit.takeChains();
      await tx.audit.link([linkOf(second, 1), linkOf(first, 2)]);
      await tx.audit.link([]);
    });
    expect(await audit.unchained(9)).toEqual([third]);
    expect(await audit.chain(tenant.id, 0, 9)).toEqual([chained(second, 1), chained(first, 2)]);
    expect(await audit.chain(tenant.id, 0, 1)).toEqual([chained(second, 1)]);
    expect(await audit.chain(tenant.id, 1, 9)).toEqual([chained(first, 2)]);
    expect(await audit.page('', 9)).toEqual([first, second, third]);
  },
  'a link is never made anew, and none is made of what is not there': async (subject) => {
    const { store } = subject;
    const tenant = await addTenant(store);
    const [linked, other] = [auditOf(tenant), auditOf(tenant)];
    await append(subject, [linked, other]);
    await store.write((tx) => tx.audit.link([linkOf(linked, 1)]));
    const again = store.write((tx) => tx.audit.link([linkOf(other, 2), linkOf(linked, 3)]));
    await expect(again).rejects.toThrow(Bug);
    await expect(store.write((tx) => tx.audit.link([linkOf(auditOf(tenant), 2)]))).rejects.toThrow(Bug);
    expect(await store.reads.audit.chain(tenant.id, 0, 9)).toEqual([chained(linked, 1)]);
    expect(await store.reads.audit.unchained(9)).toEqual([other]);
  },
  'a thousand rows are linked in one go': async (subject) => {
    const tenant = await addTenant(subject.store);
    const entries = Array.from({ length: 1000 }, () => auditOf(tenant));
    await append(subject, entries);
    await subject.store.write((tx) => tx.audit.link(entries.map((entry, i) => linkOf(entry, i + 1))));
    const chain = await subject.store.reads.audit.chain(tenant.id, 0, 2000);
    expect(chain).toEqual(entries.map((entry, i) => chained(entry, i + 1)));
  },
  "each tenant has a chain of its own, and so have the archive's rows": async (subject) => {
    const { store } = subject;
    const [one, two] = [await addTenant(store), await addTenant(store)];
    const entries = [auditOf(one), auditOf(two), auditOf(one, { tenantId: null })] as const;
    await append(subject, entries);
    await store.write((tx) => tx.audit.link(entries.map((entry) => linkOf(entry, 1))));
    for (const [i, tenantId] of [one.id, two.id, null].entries()) {
      expect(await store.reads.audit.chain(tenantId, 0, 9)).toEqual([chained(entries[i] ?? entries[0], 1)]);
    }
  },
  "the ends of chains are told, the archive's own among them, each as it was set last": async ({ store }) => {
    const tenant = await addTenant(store);
    expect(await store.reads.audit.heads()).toEqual([]);
    const headOf = (tenantId: string | null, seq: number) => {
      return { tenantId, seq, chain: Buffer.alloc(32, seq), journaledSeq: seq - 1, journaledAt: seq * 10 };
    };
    await store.write(async (tx) => {
      await tx.audit.setHead(headOf(tenant.id, 1));
      await tx.audit.setHead(headOf(null, 2));
      await tx.audit.setHead(headOf(tenant.id, 3));
    });
    expect(await store.reads.audit.heads()).toEqual([headOf(null, 2), headOf(tenant.id, 3)]);
  },
  "a tenant's rows are told newest first, or after one of them oldest first, and nobody else's": async (subject) => {
    const { store } = subject;
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const entries = Array.from({ length: 5 }, () => auditOf(tenant));
    await append(subject, [...entries, auditOf(other), auditOf(tenant, { tenantId: null })]);
    await store.write((tx) => tx.audit.link(entries.slice(0, 1).map((entry) => linkOf(entry, 1))));
    const rows = entries.map((entry, i) => (i === 0 ? chained(entry, 1) : unchained(entry)));
    const { audit } = store.reads;
    expect(await audit.search(tenant.id, { limit: 9 })).toEqual({ rows: rows.toReversed(), next: null });
    const beforeId = entries[3]?.id ?? '';
    const before = { rows: [rows[2], rows[1]], next: rows[1]?.id };
    expect(await audit.search(tenant.id, { limit: 2, beforeId })).toEqual(before);
    const afterId = entries[0]?.id ?? '';
    const after = { rows: [rows[1], rows[2]], next: rows[2]?.id };
    expect(await audit.search(tenant.id, { limit: 2, afterId })).toEqual(after);
    expect(await audit.search(tenant.id, { limit: 9, afterId, beforeId })).toEqual({ ...after, next: null });
    expect(await audit.search(id(), { limit: 9 })).toEqual({ rows: [], next: null });
  },
  'a search of the audit by event or actor looks at so many rows a page, and goes on where it stopped': async (
    subject,
  ) => {
    const { store } = subject;
    const tenant = await addTenant(store);
    const entries = Array.from({ length: 7 }, (_, i) => auditOf(tenant, i === 0 ? { event: 'rare' } : {}));
    await append(subject, entries);
    const search = async (asked: Partial<AuditSearch>) => {
      const { rows, next } = await store.reads.audit.search(tenant.id, { limit: 9, event: 'rare', most: 3, ...asked });
      return { found: rows.map((row) => entries.findIndex((one) => one.id === row.id)), next };
    };
    const idOf = (place: number) => entries[place]?.id ?? '';
    expect(await search({})).toEqual({ found: [], next: idOf(4) });
    expect(await search({ beforeId: idOf(4) })).toEqual({ found: [], next: idOf(1) });
    expect(await search({ beforeId: idOf(1) })).toEqual({ found: [0], next: null });
    expect(await search({ afterId: '' })).toEqual({ found: [0], next: idOf(2) });
    expect(await search({ afterId: idOf(4) })).toEqual({ found: [], next: null });
    const actorId = entries[0]?.actor.id ?? '';
    expect(await search({ actorId, limit: 1, afterId: '' })).toEqual({ found: [0], next: idOf(0) });
  },
  'every condition of a search of the audit holds; its times are those of the rows': async (subject) => {
    const { store } = subject;
    const tenant = await addTenant(store);
    const at = (ms: number, change: Partial<AuditEntry> = {}) => auditOf(tenant, { id: newId(ms), at: ms, ...change });
    const [subjectId, actor] = [id(), { kind: 'user', id: id() } as const];
    const [a, b, c, d] = [
      at(1000),
      at(2000, { subjectId }),
      at(3000, { subjectId, actor }),
      at(4000, { event: 'other' }),
    ];
    await append(subject, [a, b, c, d]);
    type Asked = Omit<Parameters<typeof store.reads.audit.search>[1], 'limit'>;
    const found = async (asked: Asked) =>
      (await store.reads.audit.search(tenant.id, { limit: 9, ...asked })).rows.map((entry) => entry.id);
    expect(await found({ subjectId })).toEqual([c.id, b.id]);
    expect(await found({ subjectId, actorId: actor.id })).toEqual([c.id]);
    expect(await found({ event: 'other' })).toEqual([d.id]);
    expect(await found({ from: 2000, to: 4000 })).toEqual([c.id, b.id]);
    expect(await found({ from: 2001 })).toEqual([d.id, c.id]);
    expect(await found({ to: 2001, afterId: a.id })).toEqual([b.id]);
    expect(await found({ from: -5, to: 8.64e15, subjectId, event: 'other' })).toEqual([]);
    expect(await found({ from: -5, to: 8.64e15 })).toHaveLength(4);
  },
} satisfies StoreCases;
