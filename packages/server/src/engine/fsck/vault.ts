import type { JournalEntry, TopRow } from '../../model/key-store.ts';
import type { RootKeyName, VaultState } from '../../model/vault.ts';
import { canonicalJson } from '../archive/new-call.ts';
import { isForgettable, leftOfDetail } from '../journal-details.ts';
import { type JournalRow, journalPages } from './journal-pages.ts';
import type { Look } from './look.ts';
import { readSegment, readVault } from './vault-reads.ts';

/** Segments kept at hand while the journal is walked: rows of one time were copied by one seal. */
const segmentsKept = 4;

/**
 * The head: never newer than the row, and not more than one seal behind it. `before` was read before the row, so that
 * its head cannot have overtaken it; `after` was read after it, so that it cannot have fallen behind.
 */
export async function checkHead(look: Look, top: TopRow, before: VaultState, after: VaultState): Promise<void> {
  if (before.archiveId !== top.archiveId) look.findings.problem('archive_foreign', `archive ${top.archiveId}`);
  const seen = before.heads.at(-1);
  const isAhead =
    seen !== undefined &&
    (seen.generation > top.generation || (seen.generation === top.generation && seen.keyId !== top.keyId));
  if (isAhead) look.findings.problem('vault_head_ahead', `seal ${seen.generation}, row ${top.generation}`);
  const head = after.heads.at(-1)?.generation ?? 0;
  const missed = await look.reads.keys.seals(head, 2);
  if (missed.length > 1) look.findings.problem('vault_head_behind', `seal ${head}, row ${top.generation}`);
}

/**
 * Journal and segments agree both ways: a copied row was copied by a committed seal and stands the same in that seal's
 * segment, but for a detail that was forgotten in time, as long as the segment is due to be there; and no segment holds
 * an entry that the database lacks.
 */
export async function checkSegments(look: Look, vault: VaultState): Promise<void> {
  const segments = new Segments(look, vault);
  // The time by which upkeep forgets is never later than that of the last seal, however clocks were set since.
  const sealedAt = (await look.reads.keys.readTop())?.sealedAt ?? 0;
  for await (const page of journalPages(look.reads)) {
    for (const row of page) if (row.copiedBy !== null) await checkCopy(look, { segments, sealedAt }, row, row.copiedBy);
  }
  for (const name of vault.segments) {
    look.findings.count('segments', 1);
    await checkKnown(look, await segments.read(name));
  }
}

async function checkCopy(
  look: Look,
  vault: { segments: Segments; sealedAt: number },
  row: JournalRow,
  generation: number,
): Promise<void> {
  const source = await vault.segments.of(generation);
  const what = `journal row ${row.id}, seal ${generation}`;
  switch (source.kind) {
    case 'unknown_seal':
      return look.findings.problem('journal_seal_unknown', what);
    case 'absent':
      return;
    case 'there': {
      const mayBeShorter = isForgettable(row, vault.sealedAt, look.engine.limits);
      const isSame = source.copies.some((copies) => isCopy(copies.get(row.id), row, { mayBeShorter }));
      if (!isSame) look.findings.problem('vault_entry_differs', what);
    }
  }
}

/** True of what the segment has of a row: the same entry, or one whose detail the row has forgotten since. */
function isCopy(
  copy: JournalEntry | undefined,
  { copiedBy: _, ...entry }: JournalRow,
  { mayBeShorter }: { mayBeShorter: boolean },
): boolean {
  if (copy === undefined) return false;
  return isSameJson(copy, entry) || (mayBeShorter && isSameJson({ ...copy, detail: leftOfDetail(copy) }, entry));
}

/** Entries reach the vault after their commit, so whatever a segment holds, a fresh look at the database finds. */
async function checkKnown(look: Look, entries: ReadonlyMap<string, JournalEntry> | undefined): Promise<void> {
  const ids = [...(entries?.keys() ?? [])];
  for (let from = 0; from < ids.length; from += 500) {
    const some = ids.slice(from, from + 500);
    const known = new Set((await look.engine.store.reads.journal.find(some)).map((row) => row.id));
    for (const id of some) if (!known.has(id)) look.findings.problem('vault_entry_lacking', `journal row ${id}`);
  }
}

type Entries = ReadonlyMap<string, JournalEntry>;

/** What became of the segments of one generation. Absent: expired, or told as a problem already. */
type Source = { kind: 'there'; copies: Entries[] } | { kind: 'absent' } | { kind: 'unknown_seal' };

/** Reads segments of the vault, the last few remembered. */
class Segments {
  readonly #look: Look;
  readonly #vault: VaultState;
  readonly #sources = new Map<number, Source>();
  readonly #told = new Set<number>();

  constructor(look: Look, vault: VaultState) {
    this.#look = look;
    this.#vault = vault;
  }

  async of(generation: number): Promise<Source> {
    const kept = this.#sources.get(generation);
    if (kept !== undefined) return kept;
    const source = await this.#source(generation);
    const [eldest] = this.#sources.keys();
    if (this.#sources.size >= segmentsKept && eldest !== undefined) this.#sources.delete(eldest);
    this.#sources.set(generation, source);
    return source;
  }

  /** The entries by id; empty where the segment has expired meanwhile, undefined where it cannot be read. */
  async read(name: RootKeyName): Promise<Entries | undefined> {
    return await readSegment(this.#look.engine.vault, name, this.#look.findings);
  }

  async #source(generation: number): Promise<Source> {
    const seals = await this.#look.reads.keys.seals(generation - 1, 8);
    const mine = seals.filter((seal) => seal.generation === generation);
    if (mine.length === 0) return { kind: 'unknown_seal' };
    const names = mine.map((seal) => ({ id: seal.keyId, generation }));
    const copies: Entries[] = [];
    for (const name of names) {
      const entries = isAmong(this.#vault, name) ? await this.read(name) : undefined;
      if (entries !== undefined && entries.size > 0) copies.push(entries);
    }
    if (copies.length > 0) return { kind: 'there', copies };
    await this.#checkAbsent(generation, names);
    return { kind: 'absent' };
  }

  /** A segment stays until every root key older than it is gone. Looked at again, as files go one by one. */
  async #checkAbsent(generation: number, names: readonly RootKeyName[]): Promise<void> {
    const isDue = (vault: VaultState) => vault.keys.some((key) => key.generation < generation);
    if (!isDue(this.#vault) || this.#told.has(generation)) return;
    const now = await readVault(this.#look.engine.vault, this.#look.findings);
    if (now === undefined || !isDue(now) || names.some((name) => isAmong(now, name))) return;
    this.#told.add(generation);
    this.#look.findings.problem('vault_segment_missing', `segment ${generation}`);
  }
}

function isAmong(vault: VaultState, name: RootKeyName): boolean {
  return vault.segments.some((segment) => segment.id === name.id && segment.generation === name.generation);
}

/** The same entry in meaning, whatever the order of its keys. */
function isSameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
