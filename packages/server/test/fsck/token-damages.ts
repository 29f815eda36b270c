import { coresOf, insertTokens, tombstoneToken } from '../../src/engine/identifiers.ts';
import type { Damage } from './damage.ts';
import type { OpenArchive } from './lived-archive.ts';

export const tokens: Record<string, Damage> = {
  'a token without an owner': {
    plant: (at) => {
      token(at, { kind: 1, owner: 'nobody' });
      return 'nobody';
    },
    finds: ['token_orphaned'],
    leaves: [],
  },
  'a token of a purged call': {
    plant: (at) => {
      token(at, { kind: 1, owner: at.story.purged });
      return at.story.purged;
    },
    finds: ['token_of_erased'],
    leaves: [],
  },
  'a token under an epoch that nobody knows': {
    plant: (at) => {
      token(at, { kind: 2, owner: at.story.plain, epoch: 77 });
      return at.story.plain;
    },
    finds: ['token_of_ended_epoch'],
  },
  'a token of a purged call under an epoch that nobody knows': {
    plant: (at) => {
      token(at, { kind: 1, owner: at.story.purged, epoch: 77 });
      return at.story.purged;
    },
    finds: ['token_of_ended_epoch', 'token_of_erased'],
    leaves: [],
  },
  'a call that is not found by an identifier that it names': {
    plant: (at) => {
      at.sql('DELETE FROM token WHERE kind = 3 AND owner_id = ?', at.story.plain);
      return `session token of ${at.story.plain}`;
    },
    finds: ['token_missing'],
    quick: [],
  },
  'a call that is not found by one of the two forms of its number': {
    plant: (at) => {
      const one = 'SELECT token FROM token WHERE kind = 1 AND owner_id = ? LIMIT 1';
      at.sql(`DELETE FROM token WHERE owner_id = ? AND token = (${one})`, at.story.other, at.story.other);
      return `phone token of ${at.story.other}`;
    },
    finds: ['token_missing'],
    quick: [],
  },
  'a call that is found by an identifier that it does not name': {
    plant: (at) => {
      token(at, { kind: 2, owner: at.story.plain });
      return `email token of ${at.story.plain}`;
    },
    finds: ['token_unexplained'],
    quick: [],
  },
  'a call that is found by a number that it does not name': {
    plant: async (at) => {
      const { tenant } = at.caller;
      const cores = await coresOf(at.engine, tenant, [{ kind: 'phone', value: '512 555 7777' }]);
      await at.engine.store.write(
        async (tx) => void (await insertTokens(at.engine, tx, tenant, at.story.other, cores)),
      );
      return `phone token of ${at.story.other}`;
    },
    finds: ['token_unexplained'],
    quick: [],
  },
  'two calls of one session': {
    plant: (at) => {
      const mine = at.value<Buffer>('SELECT token FROM token WHERE kind = 3 AND owner_id = ?', at.story.plain);
      token(at, { kind: 3, owner: at.story.other, token: mine });
      return at.story.other;
    },
    finds: ['session_shared', 'token_unexplained'],
    quick: [],
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
    finds: ['session_shared', 'token_unexplained'],
    quick: [],
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
    leaves: [],
  },
  'a tombstone without a token that the journal says it keeps': {
    plant: (at) => {
      at.sql('DELETE FROM tombstone_token');
      return at.story.purged;
    },
    finds: ['tombstone_token_missing'],
    quick: [],
    leaves: [],
  },
  'a tombstone that is gone and has left its tokens': {
    plant: (at) => void at.sql('DELETE FROM tombstone'),
    finds: ['purge_without_tombstone', 'tombstone_token_orphaned'],
    leaves: [],
  },
  'a call that has the session id of a purged one': {
    plant: async (at) => {
      const token = await tombstoneToken(at.engine, at.caller.tenant, { kind: 'session', value: 's-plain' });
      at.sql('INSERT INTO tombstone_token VALUES (1, 3, ?, ?)', token, at.story.purged);
      return `call ${at.story.plain}`;
    },
    finds: ['session_of_erased'],
    quick: [],
  },
  'a tombstone of a call that nobody purged': {
    plant: (at) => {
      at.sql(
        "INSERT INTO tombstone (call_id, tenant_id, shredded_at, gone_at) VALUES ('unheard-of', ?, 1, 1)",
        at.story.tenantId,
      );
      return 'unheard-of';
    },
    finds: ['tombstone_unjournaled'],
  },
  'a tombstone of a call that was only depersonalized': {
    plant: (at) => {
      at.sql(
        'INSERT INTO tombstone (call_id, tenant_id, shredded_at, gone_at) VALUES (?, ?, 1, 1)',
        at.story.depersonalized,
        at.story.tenantId,
      );
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
    leaves: [],
  },
};

/** Adds a token that nobody can explain. */
export function token(at: OpenArchive, what: { kind: number; owner: string; epoch?: number; token?: Buffer }): void {
  const bytes = what.token ?? Buffer.alloc(16, 0xab);
  at.sql('INSERT INTO token VALUES (1, ?, ?, ?, ?)', what.kind, what.epoch ?? 1, bytes, what.owner);
}
