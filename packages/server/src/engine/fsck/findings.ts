/** Every problem that fsck can name, and what it means. */
export const problemMeanings = {
  archive_foreign: 'vault and database carry different archive ids',
  artifact_damaged: 'what is sealed in a row does not open under its key and place',
  artifact_of_erased: 'an artifact of a call that was purged is still there',
  artifact_orphaned: 'the owner of an artifact does not exist',
  artifact_unsealed: 'an artifact of an archived call was never written',
  blob_damaged: 'the bytes of a recording do not open under its key and place',
  blob_missing: 'the bytes of a recording are not in the blob store',
  blob_size: 'the bytes of a recording have another size than its row says, or one that no sealing has',
  blob_unnamed: 'the blob store has bytes that no row names',
  call_incomplete: 'an archived call lacks details or correlation, and no erasure took them',
  call_state: 'the status of a call and its upload contradict each other',
  doomed_forgotten: 'bytes must go, but the erasure that was to remove them is over or unknown',
  doomed_named: 'bytes must go, but an artifact still names them',
  erasure_stranded: 'an erasure is running and no job will go on with it',
  hold_without_reason: 'an active hold has no reason',
  item_artifact_left: 'an artifact that an item erased is still there',
  item_state: 'the state of an item contradicts the state of its erasure',
  item_token_left: 'a token that an item erased is still there',
  item_unjournaled: 'an item says that its keys were destroyed, and the journal does not',
  journal_malformed: 'the slot ranges of a journal row are not ranges of slots',
  journal_seal_unknown: 'a journal row was copied by a seal that was never committed',
  journal_slot_ahead: 'a journal row speaks of slots of leaves that are still to be born',
  journal_slot_live: 'a slot that the journal says was destroyed is live',
  leaf_ahead: 'a leaf exists that is still to be born',
  page_damaged: 'a key page does not open under the key in its parent',
  page_missing: 'a key page that its parent names is not stored',
  page_orphaned: 'a key page is stored that no parent names',
  purge_without_tombstone: 'the journal says that a call was purged, and it has no tombstone',
  reservation_unborn: 'a leaf is reserved that was never born',
  root_key_missing: 'the root key that the database names is not in the vault, or cannot be read',
  session_shared: 'several calls of one tenant have the same session id',
  slot_empty: 'a slot of a born leaf holds no key',
  slot_journaled_twice: 'more than one journal row covers a slot',
  slot_named_dead: 'a row names a slot that is destroyed or was never born',
  slot_shared: 'two rows name the same slot',
  slot_unjournaled: 'a slot is destroyed and no journal row covers it',
  slot_unnamed: 'a live slot is named by no row, and its leaf is not reserved',
  tenant_incomplete: 'a tenant lacks its index key, its tombstone key or a token epoch',
  token_of_erased: 'a token of a call that was purged is still there',
  token_of_ended_epoch: 'a token stands under an epoch that is not living',
  token_orphaned: 'the owner of a token is neither a call nor an active hold',
  tombstone_gone_early: 'a tombstone says that everything is gone while bytes are still to go',
  tombstone_not_gone: 'a purged call is verified, and its tombstone does not say that it is gone',
  tombstone_of_living: 'a call has a tombstone and still has its row',
  tombstone_token_kind: 'a tombstone keeps a token of a kind that it must not keep',
  tombstone_token_orphaned: 'a token belongs to a tombstone that does not exist',
  tombstone_unjournaled: 'a call has a tombstone, and the journal does not say that it was purged',
  unreadable: 'something that a check needs cannot be read',
  vault_entry_differs: 'a journal row and its copy in the vault differ, or the copy is missing from its segment',
  vault_entry_lacking: 'the vault holds a journal entry that the database lacks',
  vault_head_ahead: 'the vault has seen a seal that the database does not know',
  vault_head_behind: 'the vault has missed more than one seal',
  vault_segment_missing: 'a journal segment is not in the vault, though an older root key still is',
} as const;

/** One of the stable codes of fsck's problems. */
export type ProblemCode = keyof typeof problemMeanings;

/** Something that does not agree. `what` names ids, slots and pages only, never anything personal. */
export type Problem = { code: ProblemCode; what: string };

/** What fsck found. Clean when there are no problems. `counts` says how much of what was looked at. */
export type FsckReport = { problems: Problem[]; counts: Record<string, number> };

/** Problems of one code that are listed one by one; a damage that hits a million rows must not fill the memory. */
const listedPerCode = 100;

/** Gathers problems and counts while fsck runs. */
export class Findings {
  readonly #problems: Problem[] = [];
  readonly #perCode = new Map<ProblemCode, number>();
  readonly #counts: Record<string, number> = {};

  problem(code: ProblemCode, what: string): void {
    const before = this.#perCode.get(code) ?? 0;
    this.#perCode.set(code, before + 1);
    if (before < listedPerCode) this.#problems.push({ code, what });
  }

  count(what: string, by: number): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + by;
  }

  report(): FsckReport {
    const problems = [...this.#problems];
    for (const [code, times] of this.#perCode) {
      if (times > listedPerCode) problems.push({ code, what: `and ${times - listedPerCode} more` });
    }
    return { problems, counts: { ...this.#counts } };
  }
}
