import { generateKeyPairSync } from 'node:crypto';
import { disableUser } from '../../src/engine/access/users.ts';
import { sealBytes } from '../../src/keys/sealing.ts';
import { type Damage, slotOf } from './damage.ts';
import type { OpenArchive } from './lived-archive.ts';
import { userEmail } from './lived-campaign.ts';
import { token } from './token-damages.ts';

export const campaigns: Record<string, Damage> = {
  'a task without settings': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'task'"),
    finds: ['slot_beside_living', 'task_incomplete'],
  },
  'a task whose settings were never written': {
    plant: (at) => {
      at.sql("UPDATE artifact SET sealed = NULL WHERE kind = 'task'");
      return at.story.task;
    },
    finds: ['artifact_unsealed'],
  },
  'a task that is not there, and those who were on it': {
    plant: (at) => void at.sql('DELETE FROM task'),
    finds: ['artifact_orphaned', 'call_without_campaign', 'candidate_without_task'],
  },
  'a task of a tenant that is not there': {
    plant: (at) => void at.sql("UPDATE task SET tenant_id = 'x'"),
    finds: ['artifact_orphaned', 'call_without_campaign', 'candidate_without_task', 'task_incomplete'],
  },
  'a candidate that is not there, and its call': {
    plant: (at) => {
      at.sql('DELETE FROM candidate WHERE id = ?', at.story.candidate);
      return at.story.candidate;
    },
    finds: ['artifact_orphaned', 'call_without_campaign', 'token_orphaned'],
  },
  'a candidate of another tenant than its call, its task and all it has': {
    plant: (at) => void at.sql("UPDATE candidate SET tenant_id = 'x' WHERE id = ?", at.story.candidate),
    finds: [
      'artifact_orphaned',
      'call_without_campaign',
      'candidate_incomplete',
      'candidate_without_task',
      'token_orphaned',
    ],
  },
  'a call on a task that is not there': {
    plant: (at) => {
      at.sql("UPDATE call SET task_id = 'nowhere' WHERE id = ?", at.story.candidateCall);
      return `${at.story.candidateCall}: nowhere`;
    },
    finds: ['call_without_campaign'],
  },
  'a candidate without details that nobody erased': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'details' AND owner_id = ?", at.story.candidate),
    finds: ['candidate_incomplete', 'slot_beside_living'],
  },
  'a candidate without correlation, though its erasure keeps that': {
    plant: (at) => {
      at.sql("DELETE FROM artifact WHERE kind = 'correlation' AND owner_id = ?", at.story.erasedCandidate);
    },
    finds: ['candidate_incomplete', 'slot_beside_living'],
  },
  'a candidate whose details were never written': {
    plant: (at) => {
      at.sql("UPDATE artifact SET sealed = NULL WHERE kind = 'details' AND owner_id = ?", at.story.candidate);
      return at.story.candidate;
    },
    finds: ['artifact_unsealed'],
  },
  'a transcript of a candidate, which has none': {
    plant: (at) => {
      at.sql("UPDATE artifact SET kind = 'transcript' WHERE kind = 'details' AND owner_id = ?", at.story.candidate);
      return at.story.candidate;
    },
    finds: ['artifact_damaged', 'artifact_orphaned', 'candidate_incomplete'],
    quick: ['artifact_orphaned', 'candidate_incomplete'],
  },
  'a candidate that is not found by one of its numbers': {
    plant: (at) => {
      const one = 'SELECT token FROM token WHERE kind = 1 AND owner_id = ? LIMIT 1';
      at.sql(`DELETE FROM token WHERE owner_id = ? AND token = (${one})`, at.story.candidate, at.story.candidate);
      return `phone token of ${at.story.candidate}`;
    },
    finds: ['token_missing'],
    quick: [],
  },
  "a candidate that is not found by its client's id, though its erasure keeps that": {
    plant: (at) => {
      at.sql('DELETE FROM token WHERE owner_id = ?', at.story.erasedCandidate);
      return `external token of ${at.story.erasedCandidate}`;
    },
    finds: ['token_missing'],
    quick: [],
  },
  'a candidate that is found by what it does not name': {
    plant: (at) => {
      token(at, { kind: 1, owner: at.story.candidate });
      return `phone token of ${at.story.candidate}`;
    },
    finds: ['token_unexplained'],
    quick: [],
  },
};

export const marks: Record<string, Damage> = {
  'a candidate that is marked as depersonalized and has everything': {
    plant: (at) => {
      at.sql('UPDATE candidate SET depersonalized_at = 1 WHERE id = ?', at.story.candidate);
      return `candidate ${at.story.candidate}: `;
    },
    finds: ['mark_contradicted'],
  },
  'a depersonalized candidate that is found by a number again': {
    plant: (at) => token(at, { kind: 1, owner: at.story.erasedCandidate }),
    finds: ['item_token_left', 'mark_contradicted', 'token_unexplained'],
    quick: ['item_token_left', 'mark_contradicted'],
  },
  'a call that is marked as depersonalized and has everything': {
    plant: (at) => {
      at.sql('UPDATE call SET depersonalized_at = 1 WHERE id = ?', at.story.plain);
      return `call ${at.story.plain}: `;
    },
    finds: ['mark_contradicted'],
  },
  'a call whose recording is marked as erased and is there': {
    plant: (at) => {
      at.sql('UPDATE call SET recording_erased_at = 1 WHERE id = ?', at.story.erasedCandidateCall);
      return `call ${at.story.erasedCandidateCall}: recording`;
    },
    finds: ['mark_contradicted'],
  },
  'a depersonalized call that would take new details': {
    plant: (at) => {
      at.sql('UPDATE call SET depersonalized_at = NULL WHERE id = ?', at.story.depersonalized);
      return at.story.depersonalization;
    },
    finds: ['mark_missing'],
  },
  'a call that would take a new recording in the place of the erased one': {
    plant: (at) => void at.sql('UPDATE call SET recording_erased_at = NULL WHERE id = ?', at.story.silenced),
    finds: ['mark_missing'],
  },
  'a depersonalized candidate that would take new calls': {
    plant: (at) => void at.sql('UPDATE candidate SET depersonalized_at = NULL WHERE id = ?', at.story.erasedCandidate),
    finds: ['mark_missing'],
  },
};

export const lateArtifacts: Record<string, Damage> = {
  'a recording of an archived call that is not there and that nobody brings': {
    plant: (at) => {
      at.sql("UPDATE artifact SET sealed = NULL WHERE kind = 'recording' AND owner_id = ?", at.story.plain);
      return at.story.plain;
    },
    finds: ['artifact_unsealed'],
  },
  'a recording on its way to no call': {
    plant: (at) => late(at, 12_345, 'nowhere'),
    finds: ['late_artifact_astray'],
  },
  'a recording on its way without an artifact': {
    plant: (at) => late(at, 12_345, at.story.plain),
    finds: ['late_artifact_astray'],
  },
  "a recording on its way under another artifact's slot": {
    plant: (at) => late(at, slotOf(at, at.story.other, 'transcript'), at.story.plain),
    finds: ['late_artifact_astray'],
  },
  'a recording that is said to be on its way and has come': {
    plant: (at) => late(at, slotOf(at, at.story.plain, 'recording'), at.story.plain),
    finds: ['late_artifact_astray'],
  },
};

export const users: Record<string, Damage> = {
  'a user that is not there': {
    plant: (at) => {
      at.sql('DELETE FROM account');
      return at.story.user;
    },
    finds: ['artifact_orphaned'],
  },
  'a user of a tenant that is not there': {
    plant: (at) => {
      at.sql("UPDATE account SET tenant_id = 'x'");
      return at.story.user;
    },
    finds: ['artifact_orphaned', 'user_incomplete'],
  },
  'a user without a place for the e-mail': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'user'"),
    finds: ['slot_beside_living', 'user_incomplete'],
  },
  'a user who is said to be disabled and has an e-mail': {
    plant: (at) => {
      at.sql('UPDATE account SET disabled_at = 5');
      return at.story.user;
    },
    finds: ['artifact_orphaned'],
  },
  'an e-mail that outlived the disabling of its user': {
    plant: async (at) => {
      const slot = slotOf(at, at.story.user, 'user');
      await disableUser(at.engine, { email: userEmail, actor: at.caller.actor });
      const insert = "INSERT INTO artifact (slot, tenant_id, owner_id, kind) VALUES (?, ?, ?, 'user')";
      at.sql(insert, slot, at.story.tenantId, at.story.user);
    },
    finds: ['artifact_orphaned', 'slot_named_dead'],
    leaves: [],
  },
  'a user who logs in with another e-mail than the one that is sealed': {
    plant: (at) => {
      at.sql('UPDATE account SET login = randomblob(32)');
      return at.story.user;
    },
    finds: ['user_login_differs'],
    quick: [],
  },
  'no key that users are looked up under': {
    plant: (at) => void at.sql("DELETE FROM artifact WHERE kind = 'login-key'"),
    finds: ['login_key_missing', 'slot_beside_living'],
  },
  'something else in the place of the key that signs the tokens of users': {
    plant: async (at) => await sealTokenKey(at, Buffer.from('no key')),
    finds: ['user_token_key_malformed'],
    quick: [],
  },
  'a key of another kind in the place of the one that signs the tokens of users': {
    plant: async (at) => {
      const { privateKey } = generateKeyPairSync('ed25519');
      return await sealTokenKey(at, privateKey.export({ format: 'der', type: 'pkcs8' }));
    },
    finds: ['user_token_key_malformed'],
    quick: [],
  },
};

function late(at: OpenArchive, slot: number, callId: string): string {
  at.sql('INSERT INTO late_artifact VALUES (?, ?, ?, ?)', slot, at.story.tenantId, callId, Date.now() + 60_000);
  return `slot ${slot} of call ${callId}`;
}

/** Seals it as the server would, so that it opens. */
async function sealTokenKey(at: OpenArchive, pkcs8: Buffer): Promise<string> {
  const slot = slotOf(at, 'archive', 'user-token-key');
  const key = await at.engine.tree.keyOf(slot);
  const sealed = sealBytes(key, { tenantId: 'archive', ownerId: 'archive', kind: 'user-token-key' }, pkcs8);
  at.sql('UPDATE artifact SET sealed = ? WHERE slot = ?', sealed, slot);
  return `slot ${slot}`;
}
