import { openBytes, sealBytes } from '../../src/keys/sealing.ts';
import { blocksOf, encryptCores, tokenCore } from '../../src/keys/token-cipher.ts';
import type { JournalEntry } from '../../src/model/key-store.ts';
import type { Epoch } from '../../src/model/token-store.ts';
import { contextOf, tenantId } from './forced-closure.ts';
import type { MemoryTx } from './memory-key-store.ts';
import type { Row } from './memory-state.ts';
import type { SimulatedProcess } from './process.ts';

/** The owner of the tenant's index key, which is sealed like any artifact. */
export const indexOwner = 'index';

export type NewCall = { ownerId: string; kinds: readonly string[]; phone: string };

/** Makes the tenant: its index key under a slot, and its first token epoch. */
export async function createTenant(process: SimulatedProcess): Promise<void> {
  const row = await nameSlots(process, { ownerId: indexOwner, kinds: ['index-key'] }, async () => {});
  await sealInto(process, row, process.tree.crypto.random(32));
  const epoch = await process.epochs.begin(tenantId);
  await noteEpochKey(process, epoch);
}

/** Archives one call: names its slots in a transaction, and only then seals its artifacts under them. */
export async function archive(process: SimulatedProcess, call: NewCall): Promise<void> {
  process.world.phones.set(call.ownerId, call.phone);
  const core = await coreOf(process, call.phone);
  const rows = await nameSlots(process, call, async (tx) => {
    const epoch = (await tx.tokens.epochs(tenantId)).at(-1);
    if (epoch === undefined) throw new Error('the tenant has no token epoch');
    const key = await noteEpochKey(process, epoch);
    const [token] = blocksOf(encryptCores(key, core));
    if (token === undefined) throw new Error('no token');
    const { ownerId } = call;
    await tx.tokens.insertTokens([{ tenantId, epoch: epoch.number, kind: 'phone', token, ownerId }]);
  });
  if (!process.world.isSealedBeforeCommit) for (const row of rows) await sealInto(process, [row], undefined);
}

/** Erases calls in one transaction: rows and tokens go, slots are destroyed, the journal says so. */
export async function erase(process: SimulatedProcess, owners: readonly string[], kinds?: readonly string[]) {
  await process.store.transact(async (tx) => {
    const doomed: { ownerId: string; rows: Row[] }[] = [];
    for (const ownerId of owners) doomed.push({ ownerId, rows: await eraseRows(tx, ownerId, kinds) });
    const slots = doomed.flatMap(({ rows }) => rows.map((row) => row.slot));
    const killed = new Set(await process.tree.destroy(tx.keys, slots));
    const entries = doomed
      .filter(({ rows }) => rows.length > 0)
      .map(({ ownerId, rows }) => {
        const mine = rows.map((row) => row.slot).filter((slot) => killed.has(slot));
        const what = { tenantId, ownerId, action: kinds ? kinds.join() : 'purge', slots: mine.sort((a, b) => a - b) };
        return process.journalEntry('item_erased', what);
      });
    await tx.keys.appendJournal(entries);
  });
}

/** An artifact loses content: its new form takes a new slot, the old slot is destroyed. */
export async function replace(process: SimulatedProcess, old: Row): Promise<void> {
  const [slot] = await process.issuer.take(1);
  if (slot === undefined) throw new Error('no slot');
  const next: Row = { ...old, slot, instance: process.newInstance(old.ownerId, old.kind, slot), sealed: null };
  const isThere = await process.store.transact(async (tx) => {
    if (!(await tx.rows.ofOwner(old.ownerId)).some((row) => row.instance === old.instance)) return false;
    await process.issuer.confirm(tx.keys, [slot]);
    await tx.rows.insert([next]);
    await tx.rows.delete([old.instance]);
    const slots = await process.tree.destroy(tx.keys, [old.slot]);
    await tx.keys.appendJournal([process.journalEntry('slots_replaced', { tenantId, ownerId: old.ownerId, slots })]);
    return true;
  });
  if (isThere) await sealInto(process, [next], undefined);
}

/** Turns the token epoch: begins a new one, moves the tokens, ends the old ones. */
export async function turnEpoch(
  process: SimulatedProcess,
  isTold: (slot: number) => boolean = () => false,
): Promise<void> {
  await noteEpochKey(process, await process.epochs.begin(tenantId));
  for (const epoch of process.store.database.state.epochs) await noteEpochKey(process, epoch);
  await process.epochs.finish(tenantId, { isTold });
}

/** What a restore does with one entry: erases by item and action, and by slot where the row still names that slot. */
export async function replay(tx: MemoryTx, entry: JournalEntry): Promise<number[]> {
  const { ownerId, action } = entry;
  if (ownerId === null) return [];
  if (entry.kind === 'item_erased') {
    const rows = await eraseRows(tx, ownerId, action === 'purge' ? undefined : (action ?? '').split(','));
    return rows.map((row) => row.slot);
  }
  if (entry.kind !== 'slots_replaced') return [];
  const isNamed = (row: Row) => entry.slots.some(([from, to]) => row.slot >= from && row.slot <= to);
  const all = await tx.rows.ofOwner(ownerId);
  const rows = all.filter(isNamed);
  await tx.rows.delete(rows.map((row) => row.instance));
  if (rows.length === all.length) await tx.tokens.deleteOfOwner(ownerId);
  return rows.map((row) => row.slot);
}

async function eraseRows(tx: MemoryTx, ownerId: string, kinds: readonly string[] | undefined): Promise<Row[]> {
  const all = await tx.rows.ofOwner(ownerId);
  const rows = all.filter((row) => kinds === undefined || kinds.includes(row.kind));
  await tx.rows.delete(rows.map((row) => row.instance));
  if (rows.length === all.length) await tx.tokens.deleteOfOwner(ownerId);
  return rows;
}

/** Takes slots and names them in one transaction with `also`; tries again with new slots when it fails. */
async function nameSlots(
  process: SimulatedProcess,
  of: { ownerId: string; kinds: readonly string[] },
  also: (tx: MemoryTx) => Promise<void>,
): Promise<Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    const slots = await process.issuer.take(of.kinds.length);
    const rows = slots.map((slot, i): Row => {
      const kind = of.kinds[i] ?? '';
      return { instance: process.newInstance(of.ownerId, kind, slot), slot, ownerId: of.ownerId, kind, sealed: null };
    });
    try {
      if (process.world.isSealedBeforeCommit && of.ownerId !== indexOwner) await sealAhead(process, rows);
      await process.store.transact(async (tx) => {
        await process.issuer.confirm(tx.keys, slots);
        await tx.rows.insert(rows);
        await also(tx);
      });
      return rows;
    } catch (error) {
      if (attempt === 2) throw error;
    }
  }
}

/** Opens each row's key, seals its artifact and writes the ciphertext: first to the blob store, then into the row. */
async function sealInto(process: SimulatedProcess, rows: readonly Row[], secret: Buffer | undefined): Promise<void> {
  for (const row of rows) {
    const sealed = await sealOne(process, row, secret);
    process.world.ledger.artifact({ ...row, sealed });
    await process.store.transact(async (tx) => await tx.rows.setSealed(row.instance, sealed));
  }
}

/** The mutated order: bytes go to the blob store although no committed row names the slot yet. */
async function sealAhead(process: SimulatedProcess, rows: readonly Row[]): Promise<void> {
  for (const row of rows) {
    const sealed = await sealOne(process, row, undefined);
    process.world.ledger.artifact({ ...row, sealed });
    process.world.truth.sealedUnnamed(row.instance, row.slot);
  }
}

async function sealOne(process: SimulatedProcess, row: Row, secret: Buffer | undefined): Promise<Buffer> {
  const key = await process.tree.keyOf(row.slot);
  const plain = secret ?? Buffer.from(`what ${row.ownerId} said, ${row.kind}, ${row.instance}`);
  const sealed = sealBytes(key, contextOf(row), plain);
  process.world.oracle.note(key, { sealed, plain });
  return sealed;
}

async function coreOf(process: SimulatedProcess, phone: string): Promise<Buffer> {
  const row = [...process.store.database.state.rows.values()].find((one) => one.ownerId === indexOwner);
  if (row?.sealed == null) throw new Error('the index key is not there');
  const key = await process.tree.keyOf(row.slot);
  const indexKey = openBytes(key, contextOf(row), row.sealed);
  return tokenCore(indexKey, 'phone', phone);
}

/** Opens an epoch's key and notes it for the attack on tokens. */
async function noteEpochKey(process: SimulatedProcess, epoch: Epoch): Promise<Buffer> {
  const key = await process.tree.keyOf(epoch.slot);
  process.world.epochKeys.set(epoch.id, key);
  process.world.oracle.note(key);
  return key;
}
