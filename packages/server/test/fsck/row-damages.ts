import { newId } from '../../src/lib/ids.ts';
import { type Damage, flipped, slotOf } from './damage.ts';
import { type OpenArchive, recording } from './lived-archive.ts';
import { token } from './token-damages.ts';

/** Writes an event of a call as if it had come; its content opens for nobody. */
function plantEvent(at: OpenArchive, callId: string): string {
  const id = newId(1);
  at.sql('INSERT INTO metadata_event VALUES (?, ?, ?, 1, ?)', id, at.story.tenantId, callId, Buffer.alloc(100));
  return id;
}

export const events: Record<string, Damage> = {
  'an event that does not open': {
    plant: (at) => plantEvent(at, at.story.plain),
    finds: ['event_damaged'],
    quick: [],
  },
  'an event of a call whose details were erased': {
    plant: (at) => plantEvent(at, at.story.depersonalized),
    finds: ['event_orphaned'],
  },
  'an event of a call that was purged': {
    plant: (at) => plantEvent(at, at.story.purged),
    finds: ['event_orphaned'],
    leaves: [],
  },
};

export const artifacts: Record<string, Damage> = {
  'what is sealed in a row and does not open': {
    plant: (at) => {
      const slot = slotOf(at, at.story.plain, 'details');
      at.sql('UPDATE artifact SET sealed = ? WHERE slot = ?', flipped(sealedIn(at, slot)), slot);
      return `slot ${slot}`;
    },
    finds: ['artifact_damaged'],
    quick: [],
  },
  "another call's details in the place of a call's own": {
    plant: (at) => {
      const slot = slotOf(at, at.story.plain, 'details');
      at.sql(
        'UPDATE artifact SET sealed = ? WHERE slot = ?',
        sealedIn(at, slotOf(at, at.story.other, 'details')),
        slot,
      );
      return `slot ${slot}`;
    },
    finds: ['artifact_damaged'],
    quick: [],
  },
  'the facts of a recording that do not open': {
    plant: (at) => {
      const slot = slotOf(at, at.story.plain, 'recording');
      at.sql('UPDATE artifact SET sealed = ? WHERE slot = ?', flipped(sealedIn(at, slot)), slot);
      return `slot ${slot}`;
    },
    finds: ['artifact_damaged'],
    quick: [],
  },
  'an artifact of an archived call that was never written': {
    plant: (at) => {
      const slot = slotOf(at, at.story.plain, 'correlation');
      at.sql('UPDATE artifact SET sealed = NULL WHERE slot = ?', slot);
      return `slot ${slot}`;
    },
    finds: ['artifact_unsealed'],
  },
  'artifacts and tokens of a call that is not there': {
    plant: (at) => {
      at.sql('DELETE FROM call WHERE id = ?', at.story.plain);
      return at.story.plain;
    },
    finds: ['artifact_orphaned', 'token_orphaned'],
  },
  'artifacts and tokens of a call that was purged': {
    plant: (at) => {
      at.sql('DELETE FROM call WHERE id = ?', at.story.plain);
      at.sql(
        'INSERT INTO tombstone (call_id, tenant_id, shredded_at, gone_at) VALUES (?, ?, 1, NULL)',
        at.story.plain,
        at.story.tenantId,
      );
      return at.story.plain;
    },
    finds: ['artifact_of_erased', 'token_of_erased', 'tombstone_unjournaled'],
  },
  'the reason and tokens of a hold that was released': {
    plant: (at) => {
      at.sql('UPDATE hold SET released_at = 1');
      return at.story.hold;
    },
    finds: ['artifact_orphaned', 'token_orphaned'],
    leaves: [],
  },
  'an artifact of a call that the journal says was purged': {
    plant: async (at) => {
      const slot = slotOf(at, at.story.plain, 'transcript');
      const blob = `${at.story.purged}-${slot}`;
      await at.engine.blobs.create(blob, recording());
      at.sql(
        "UPDATE artifact SET owner_id = ?, kind = 'recording', sealed = NULL, blob = ? WHERE slot = ?",
        at.story.purged,
        blob,
        slot,
      );
      token(at, { kind: 1, owner: at.story.purged });
      return at.story.purged;
    },
    finds: ['artifact_of_erased', 'token_of_erased'],
    leaves: [],
  },
  'an artifact of another tenant than its owner': {
    plant: (at) =>
      void at.sql("UPDATE artifact SET tenant_id = 'x' WHERE kind = 'details' AND owner_id = ?", at.story.plain),
    finds: ['artifact_damaged', 'artifact_orphaned', 'call_incomplete'],
    quick: ['artifact_orphaned', 'call_incomplete'],
  },
};

export const calls: Record<string, Damage> = {
  'an archived call without details that nobody erased': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'details' AND owner_id = ?", at.story.plain),
    finds: ['call_incomplete', 'slot_beside_living'],
  },
  'a call without correlation, though its erasure keeps that': {
    plant: (at) => {
      at.sql("DELETE FROM artifact WHERE kind = 'correlation' AND owner_id = ?", at.story.depersonalized);
    },
    finds: ['call_incomplete', 'slot_beside_living'],
  },
  'a transcript of a held call whose row was lost, its key being there': {
    plant: (at) => {
      const slot = slotOf(at, at.story.held, 'transcript');
      at.sql('DELETE FROM artifact WHERE slot = ?', slot);
      return `slot ${slot}, beside ${at.story.held}`;
    },
    finds: ['slot_beside_living'],
  },
  'no key that signs access tokens': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'token-signing-key'"),
    finds: ['signing_key_missing', 'slot_beside_living'],
  },
  'an archived call that is said to be uploading': {
    plant: (at) => {
      at.sql('UPDATE call SET upload_until = 5 WHERE id = ?', at.story.plain);
      return at.story.plain;
    },
    finds: ['call_state'],
  },
  'a tenant without its tombstone key': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'tombstone-key'"),
    finds: ['slot_beside_living', 'tenant_incomplete'],
  },
  'a tenant without its index key, which every look-up needs': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'index-key'"),
    finds: ['slot_beside_living', 'tenant_incomplete'],
  },
  'an active hold without a reason': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'hold-reason'"),
    finds: ['hold_without_reason', 'slot_beside_living'],
  },
};

export const erasures: Record<string, Damage> = {
  'an unfinished item of a completed erasure': {
    plant: (at) => void at.sql("UPDATE item SET state = 'removed' WHERE erasure_id = ?", at.story.depersonalization),
    finds: ['item_state'],
  },
  'an erasure that nobody will go on with': {
    plant: (at) => {
      at.sql("UPDATE erasure SET state = 'running' WHERE id = ?", at.story.purge);
      return at.story.purge;
    },
    finds: ['erasure_stranded'],
    leaves: [],
  },
  'an erasure whose items are not those that were frozen': {
    plant: (at) => {
      at.sql("UPDATE erasure SET digest = '00' WHERE id = ?", at.story.purge);
      return at.story.purge;
    },
    finds: ['erasure_digest'],
    quick: [],
  },
  'an erasure that is said to have failed in part, all of it verified': {
    plant: (at) => {
      at.sql("UPDATE erasure SET state = 'completed_with_failures' WHERE id = ?", at.story.purge);
      return at.story.purge;
    },
    finds: ['erasure_tally'],
  },
  'an erasure that is over and was never sealed': {
    plant: (at) => {
      at.sql('UPDATE erasure SET sealed_at = NULL WHERE id = ?', at.story.purge);
      return at.story.purge;
    },
    finds: ['erasure_times'],
  },
  'an item that is verified and says that it was held': {
    plant: (at) => {
      at.sql("UPDATE item SET outcome = 'held' WHERE erasure_id = ?", at.story.purge);
      return at.story.purge;
    },
    finds: ['item_outcome'],
  },
  'a purged call that has its row again': {
    plant: (at) => {
      at.sql(
        `INSERT INTO call SELECT ?, tenant_id, kind, source, direction, status, started_at, ended_at, duration_ms,
          created_at, upload_until, is_upload_doomed, dial_status, candidate_id, task_id, bot_id, updated_at,
          depersonalized_at, recording_erased_at, retain_until FROM call WHERE id = ?`,
        at.story.purged,
        at.story.plain,
      );
    },
    finds: ['item_call_left', 'tombstone_of_living'],
  },
  'an item whose keys were destroyed, it says, without a journal row': {
    plant: (at) => void at.sql('UPDATE item SET journal_id = NULL WHERE erasure_id = ?', at.story.purge),
    finds: ['item_unjournaled'],
  },
  'an item with the journal row of another': {
    plant: (at) => {
      const other = at.value<string>('SELECT journal_id FROM item WHERE erasure_id = ?', at.story.depersonalization);
      at.sql('UPDATE item SET journal_id = ? WHERE erasure_id = ?', other, at.story.purge);
      return at.story.purge;
    },
    finds: ['item_unjournaled'],
  },
  'an artifact that a depersonalization has erased': {
    plant: (at) => {
      at.sql(
        "UPDATE artifact SET owner_id = ? WHERE kind = 'transcript' AND owner_id = ?",
        at.story.depersonalized,
        at.story.plain,
      );
    },
    finds: ['artifact_damaged', 'item_artifact_left', 'mark_contradicted'],
    quick: ['item_artifact_left', 'mark_contradicted'],
  },
  'a phone number that a depersonalization has erased': {
    plant: (at) => {
      token(at, { kind: 1, owner: at.story.depersonalized });
    },
    finds: ['item_token_left', 'mark_contradicted', 'token_unexplained'],
    quick: ['item_token_left', 'mark_contradicted'],
  },
};

function sealedIn(at: OpenArchive, slot: number): Buffer {
  return at.value<Buffer>('SELECT sealed FROM artifact WHERE slot = ?', slot);
}
