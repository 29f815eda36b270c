import { coresOf, insertTokens } from '../../src/engine/identifiers.ts';
import { type Damage, flipped, slotOf } from './damage.ts';
import type { OpenArchive } from './lived-archive.ts';

export const artifacts: Record<string, Damage> = {
  'what is sealed in a row and does not open': {
    plant: (at) => {
      const slot = slotOf(at, at.story.plain, 'details');
      at.sql('UPDATE artifact SET sealed = ? WHERE slot = ?', flipped(sealedIn(at, slot)), slot);
      return `slot ${slot}`;
    },
    finds: ['artifact_damaged'],
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
  },
  'the facts of a recording that do not open': {
    plant: (at) => {
      const slot = slotOf(at, at.story.plain, 'recording');
      at.sql('UPDATE artifact SET sealed = ? WHERE slot = ?', flipped(sealedIn(at, slot)), slot);
      return `slot ${slot}`;
    },
    finds: ['artifact_damaged'],
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
      at.sql('INSERT INTO tombstone VALUES (?, ?, 1, NULL)', at.story.plain, at.story.tenantId);
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
  },
  'an artifact of another tenant than its owner': {
    plant: (at) =>
      void at.sql("UPDATE artifact SET tenant_id = 'x' WHERE kind = 'details' AND owner_id = ?", at.story.plain),
    finds: ['artifact_damaged', 'artifact_orphaned', 'call_incomplete'],
  },
};

export const calls: Record<string, Damage> = {
  'an archived call without details that nobody erased': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'details' AND owner_id = ?", at.story.plain),
    finds: ['call_incomplete', 'slot_unnamed'],
  },
  'a call without correlation, though its erasure keeps that': {
    plant: (at) => {
      at.sql("DELETE FROM artifact WHERE kind = 'correlation' AND owner_id = ?", at.story.depersonalized);
    },
    finds: ['call_incomplete', 'slot_unnamed'],
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
    finds: ['slot_unnamed', 'tenant_incomplete'],
  },
  'an active hold without a reason': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'hold-reason'"),
    finds: ['hold_without_reason', 'slot_unnamed'],
  },
};

export const tokens: Record<string, Damage> = {
  'a token without an owner': {
    plant: (at) => {
      token(at, { kind: 1, owner: 'nobody' });
      return 'nobody';
    },
    finds: ['token_orphaned'],
  },
  'a token of a purged call': {
    plant: (at) => {
      token(at, { kind: 1, owner: at.story.purged });
      return at.story.purged;
    },
    finds: ['token_of_erased'],
  },
  'a token under an epoch that has ended': {
    plant: (at) => {
      token(at, { kind: 2, owner: at.story.plain, epoch: 77 });
      return at.story.plain;
    },
    finds: ['token_of_ended_epoch'],
  },
  'two calls of one session': {
    plant: (at) => {
      const mine = at.value<Buffer>('SELECT token FROM token WHERE kind = 3 AND owner_id = ?', at.story.plain);
      token(at, { kind: 3, owner: at.story.other, token: mine });
      return at.story.plain;
    },
    finds: ['session_shared'],
  },
  'two calls of one session under different epochs': {
    plant: async (at) => {
      const { tenant } = at.caller;
      await at.engine.epochs.begin(tenant.id);
      const cores = await coresOf(at.engine, tenant, [{ kind: 'session', value: 's-plain' }]);
      await at.engine.store.write(
        async (tx) => void (await insertTokens(at.engine, tx, tenant, at.story.other, cores)),
      );
      return at.story.other;
    },
    finds: ['session_shared'],
  },
};

export const tombstones: Record<string, Damage> = {
  'a purge without a tombstone': {
    plant: (at) => {
      at.sql('DELETE FROM tombstone_token');
      at.sql('DELETE FROM tombstone');
      return at.story.purged;
    },
    finds: ['purge_without_tombstone'],
  },
  'a tombstone of a call that nobody purged': {
    plant: (at) => {
      at.sql("INSERT INTO tombstone VALUES ('unheard-of', ?, 1, 1)", at.story.tenantId);
      return 'unheard-of';
    },
    finds: ['tombstone_unjournaled'],
  },
  'a tombstone of a call that was only depersonalized': {
    plant: (at) => {
      at.sql('INSERT INTO tombstone VALUES (?, ?, 1, 1)', at.story.depersonalized, at.story.tenantId);
      return at.story.depersonalized;
    },
    finds: ['tombstone_of_living', 'tombstone_unjournaled'],
  },
  'a verified purge whose tombstone does not say so': {
    plant: (at) => {
      at.sql('UPDATE tombstone SET gone_at = NULL');
      return at.story.purged;
    },
    finds: ['tombstone_not_gone'],
  },
  'a phone number kept in a tombstone': {
    plant: (at) => void at.sql("INSERT INTO tombstone_token VALUES (1, 1, x'0011', ?)", at.story.purged),
    finds: ['tombstone_token_kind'],
  },
  'a token of a tombstone that does not exist': {
    plant: (at) => void at.sql("INSERT INTO tombstone_token VALUES (1, 3, x'0011', 'unheard-of')"),
    finds: ['tombstone_token_orphaned'],
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
    finds: ['artifact_damaged', 'item_artifact_left'],
  },
  'a phone number that a depersonalization has erased': {
    plant: (at) => {
      token(at, { kind: 1, owner: at.story.depersonalized });
      return at.story.depersonalization;
    },
    finds: ['item_token_left'],
  },
};

function sealedIn(at: OpenArchive, slot: number): Buffer {
  return at.value<Buffer>('SELECT sealed FROM artifact WHERE slot = ?', slot);
}

function token(at: OpenArchive, what: { kind: number; owner: string; epoch?: number; token?: Buffer }): void {
  const bytes = what.token ?? Buffer.alloc(16, 0xab);
  at.sql('INSERT INTO token VALUES (1, ?, ?, ?, ?)', what.kind, what.epoch ?? 1, bytes, what.owner);
}
