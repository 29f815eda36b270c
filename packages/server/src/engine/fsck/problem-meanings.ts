/* What an operator is to do. One sentence each, told beside the meaning. */
const repair = 'Run `tacet fsck --repair`.';
const repairUnlessLost =
  'Run `tacet fsck --repair`, which leaves it alone as long as it may belong to something that was lost.';
const repairIfEnded =
  'Run `tacet fsck --repair`, which removes it where the journal says that its owner was erased; else restore from a backup.';
const restore = 'Restore the database from a backup.';
const restoreBytes = 'Bring the bytes back from a backup of the blob store; without one they are lost.';
const findVault = 'Give back the vault of this archive (TACET_KEYS_DIR); without it nothing can be opened.';
const copyFolder = 'While the server is stopped, copy the folder from a whole one; a repair leaves it as it is.';
const wait = 'Keep a worker running; if it stays, tell the makers.';
const compareAudit =
  'Keep this report. Compare with an export of the audit, or a backup, from before: somebody may have changed the database.';
const erasePart = 'Purge the call; of a candidate, keep this report and tell the makers.';
const tell = 'Nothing is lost by it. Keep this report and tell the makers.';

/** Every problem that fsck can name: what it means, and what to do about it. */
export const problemMeanings = {
  archive_foreign: { means: 'vault and database carry different archive ids', todo: findVault },
  artifact_damaged: { means: 'what is sealed in a row does not open under its key and place', todo: restore },
  artifact_of_erased: { means: 'an artifact of a call that was purged is still there', todo: repairIfEnded },
  artifact_orphaned: { means: 'the owner of an artifact does not exist', todo: repairIfEnded },
  artifact_unsealed: { means: 'an artifact of an archived call was never written', todo: restore },
  audit_changed: {
    means: 'a row of the audit, or the row before it, is not the one that was chained',
    todo: compareAudit,
  },
  audit_head: { means: 'an audit chain does not end as its head says', todo: compareAudit },
  audit_missing: { means: 'rows of the audit are missing', todo: compareAudit },
  audit_rewritten: {
    means: 'a chain of the audit was made anew: a row is not the one that the vault knows as an end of it',
    todo: compareAudit,
  },
  audit_repeated: { means: 'two rows of the audit have the same number', todo: compareAudit },
  audit_unchained: { means: 'a row of the audit is in no chain, while younger rows are', todo: wait },
  blob_damaged: { means: 'the bytes of a recording do not open under its key and place', todo: restoreBytes },
  blob_missing: { means: 'the bytes of a recording are not in the blob store', todo: restoreBytes },
  blob_size: {
    means: 'the bytes of a recording have another size than its row says, or one that no sealing has',
    todo: restoreBytes,
  },
  blob_unfinished: { means: 'an unfinished create has left bytes beside a recording that is whole', todo: repair },
  blob_unnamed: { means: 'the blob store has bytes that no row names', todo: repairUnlessLost },
  call_incomplete: { means: 'an archived call lacks details or correlation, and no erasure took them', todo: restore },
  call_state: { means: 'the status of a call and its upload contradict each other', todo: restore },
  call_without_campaign: {
    means: 'a call belongs to a candidate or a task that its tenant does not have',
    todo: restore,
  },
  candidate_incomplete: {
    means: 'a candidate lacks details or correlation, and no erasure took them',
    todo: restore,
  },
  candidate_without_task: { means: 'a candidate is on a task that its tenant does not have', todo: restore },
  database_malformed: { means: 'the database file itself is damaged', todo: restore },
  doomed_forgotten: {
    means: 'bytes must go, but the erasure that was to remove them is over or unknown',
    todo: repair,
  },
  doomed_named: { means: 'bytes must go, but an artifact still names them', todo: repair },
  erasure_digest: {
    means: 'the items of an erasure are not those that were frozen when it was planned',
    todo: restore,
  },
  erasure_stranded: { means: 'an erasure is running and no job will go on with it', todo: repair },
  erasure_tally: { means: 'how an erasure ended contradicts how its items did', todo: tell },
  erasure_times: { means: 'the state of an erasure and the times that it shows contradict each other', todo: tell },
  event_damaged: { means: 'metadata that came later does not open under its key and place', todo: restore },
  event_orphaned: { means: 'metadata that came later belongs to a call that has no details', todo: repairIfEnded },
  hold_without_reason: { means: 'an active hold has no reason', todo: restore },
  item_artifact_left: { means: 'an artifact that an item erased is still there', todo: 'Erase the call again.' },
  item_call_left: { means: 'a call that an item purged still has its row', todo: 'Purge the call again.' },
  item_outcome: { means: 'what an item says became of it contradicts its state', todo: tell },
  item_state: { means: 'the state of an item contradicts the state of its erasure', todo: wait },
  item_token_left: { means: 'a token that an item erased is still there', todo: 'Erase the call again.' },
  item_unjournaled: { means: 'an item says that its keys were destroyed, and the journal does not', todo: restore },
  journal_malformed: { means: 'the slot ranges of a journal row are not ranges of slots', todo: restore },
  journal_seal_unknown: { means: 'a journal row was copied by a seal that was never committed', todo: restore },
  journal_slot_ahead: { means: 'a journal row speaks of slots of leaves that are still to be born', todo: restore },
  journal_slot_live: { means: 'a slot that the journal says was destroyed is live', todo: restore },
  late_artifact_astray: {
    means: 'what is on its way to a call has no call or no artifact, or has come already, and no erasure took it',
    todo: wait,
  },
  leaf_ahead: { means: 'a leaf exists that is still to be born', todo: restore },
  login_key_missing: { means: 'the key that users are looked up under is missing', todo: restore },
  mark_contradicted: {
    means: 'a call or candidate is marked as erased in part, and something of that part is still there',
    todo: erasePart,
  },
  mark_missing: {
    means:
      'an item says that part of a call or candidate was erased, and its row is not marked, so that more would be taken',
    todo: erasePart,
  },
  page_damaged: { means: 'a key page does not open under the key in its parent', todo: restore },
  page_missing: { means: 'a key page that its parent names is not stored', todo: restore },
  page_orphaned: { means: 'a key page is stored that no parent names', todo: restore },
  purge_without_tombstone: { means: 'the journal says that a call was purged, and it has no tombstone', todo: repair },
  receipt_key_malformed: {
    means: 'what is sealed as the key that signs receipts is no Ed25519 key',
    todo: restore,
  },
  reservation_unborn: { means: 'a leaf is reserved that was never born', todo: wait },
  root_key_missing: {
    means: 'the root key that the database names is not in the vault, or cannot be read',
    todo: findVault,
  },
  session_of_erased: {
    means: 'a call has the session id of a call that was purged, and should have been refused',
    todo: 'Purge the call by id if it is the one that was purged.',
  },
  session_shared: { means: 'several calls of one tenant have the same session id', todo: 'Purge the calls by id.' },
  signing_key_missing: {
    means: 'the key that signs access tokens is missing',
    todo: 'Restore the database from a backup; without one, start the server, which makes a new key and refuses tokens given before.',
  },
  slot_beside_living: {
    means:
      'a live slot that no row names lies beside those of an owner that lives, and may be the key of a row that was lost',
    todo: 'Restore the database from a backup that has the row; no repair touches the slot until what lies beside it is erased too.',
  },
  slot_empty: { means: 'a slot of a born leaf holds no key', todo: restore },
  slot_journaled_twice: { means: 'more than one journal row covers a slot', todo: tell },
  slot_named_dead: { means: 'a row names a slot that is destroyed or was never born', todo: restore },
  slot_shared: { means: 'two rows name the same slot', todo: restore },
  slot_unjournaled: { means: 'a slot is destroyed and no journal row covers it', todo: tell },
  slot_unnamed: { means: 'a live slot is named by no row, and its leaf is not reserved', todo: repairUnlessLost },
  task_incomplete: { means: 'a task has no settings or no tenant', todo: restore },
  tenant_incomplete: { means: 'a tenant lacks its index key, its tombstone key or a token epoch', todo: restore },
  token_missing: { means: 'a call or candidate is not found by an identifier that it names', todo: restore },
  token_of_ended_epoch: {
    means: 'a token stands under an epoch that is not living: the row of that epoch may have been lost',
    todo: 'Restore the database from a backup; no repair removes the token, as the journal does not tell whether its epoch has ended.',
  },
  token_of_erased: { means: 'a token of a call that was purged is still there', todo: repair },
  token_orphaned: {
    means: 'the owner of a token is neither a call nor a candidate nor an active hold',
    todo: 'Run `tacet fsck --repair`, which removes it unless artifacts of that owner are left; else restore from a backup.',
  },
  token_unexplained: {
    means: 'a call or candidate is found by an identifier that it does not name',
    todo: 'Keep this report and tell the makers; a purge of the call removes it.',
  },
  tombstone_gone_early: {
    means: 'a tombstone says that everything is gone while bytes are still to go',
    todo: wait,
  },
  tombstone_not_gone: {
    means: 'a purged call is verified, and its tombstone does not say that it is gone',
    todo: tell,
  },
  tombstone_of_living: { means: 'a call has a tombstone and still has its row', todo: 'Purge the call again.' },
  tombstone_token_kind: { means: 'a tombstone keeps a token of a kind that it must not keep', todo: tell },
  tombstone_token_missing: { means: 'a tombstone lacks a token that the journal says it keeps', todo: repair },
  tombstone_token_orphaned: { means: 'a token belongs to a tombstone that does not exist', todo: repair },
  tombstone_unjournaled: {
    means: 'a call has a tombstone, and the journal does not say that it was purged',
    todo: restore,
  },
  unreadable: { means: 'something that a check needs cannot be read', todo: restore },
  user_incomplete: { means: 'a user has no tenant, or no place for the e-mail', todo: restore },
  user_login_differs: {
    means: 'the e-mail that is sealed of a user is not the one that the user logs in with',
    todo: restore,
  },
  user_token_key_malformed: {
    means: 'what is sealed as the key that signs the tokens of users is no RSA key',
    todo: restore,
  },
  vault_copy_damaged: { means: 'a file in a folder of the vault is damaged', todo: copyFolder },
  vault_copy_missing: { means: 'a folder of the vault lacks a file that another has', todo: copyFolder },
  vault_entry_differs: {
    means: 'a journal row and its copy in the vault differ, or the copy is missing from its segment',
    todo: restore,
  },
  vault_entry_lacking: { means: 'the vault holds a journal entry that the database lacks', todo: restore },
  vault_head_ahead: { means: 'the vault has seen a seal that the database does not know', todo: restore },
  vault_head_behind: { means: 'the vault has missed more than one seal', todo: 'Run `tacet keys seal`.' },
  vault_segment_missing: {
    means: 'a journal segment is not in the vault, though an older root key still is',
    todo: findVault,
  },
} as const satisfies Record<string, { means: string; todo: string }>;

/** One of the stable codes of fsck's problems. */
export type ProblemCode = keyof typeof problemMeanings;
