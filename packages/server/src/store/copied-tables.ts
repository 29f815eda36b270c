import type { Tables } from './tables.ts';

/** A table that a move copies row by row, and how. */
export type CopiedTable = {
  name: keyof Tables;
  /** Columns of its primary key, in their order. */
  key: readonly string[];
  /** A column whose values may be large, so that a thousand rows are too many to hold; null where none is. */
  large: string | null;
};

type Copy<Table> = {
  key: readonly (keyof Table & string)[];
  /** `live`: also beside those who write. `closed`: only once nobody does any more. */
  when: 'live' | 'closed';
  large?: keyof Table & string;
};

/**
 * Every table but three: the archive's row, which is written last and by itself, and what a database says of its own schema
 * and of moves.
 */
type CopiedName = Exclude<keyof Tables, 'archive' | 'migration' | 'move'>;

const copies: { readonly [Name in CopiedName]: Copy<Tables[Name]> } = {
  tenant: { key: ['number'], when: 'live' },
  client: { key: ['id'], when: 'live' },
  account: { key: ['number'], when: 'live' },
  artifact: { key: ['slot'], when: 'live', large: 'sealed' },
  call: { key: ['id'], when: 'live' },
  late_artifact: { key: ['slot'], when: 'live' },
  task: { key: ['id'], when: 'live' },
  candidate: { key: ['id'], when: 'live' },
  kept_answer: { key: ['tenant_id', 'key'], when: 'live', large: 'sealed' },
  metadata_event: { key: ['id'], when: 'live', large: 'sealed' },
  token: { key: ['tenant', 'kind', 'epoch', 'token', 'owner_id'], when: 'live' },
  tombstone: { key: ['call_id'], when: 'live' },
  tombstone_token: { key: ['tenant', 'kind', 'token', 'call_id'], when: 'live' },
  erasure: { key: ['id'], when: 'live' },
  item: { key: ['erasure_id', 'seq'], when: 'live' },
  doomed_blob: { key: ['blob'], when: 'live' },
  hold: { key: ['id'], when: 'live' },
  hold_call: { key: ['hold_id', 'call_id'], when: 'live' },
  job: { key: ['id'], when: 'live' },
  audit: { key: ['id'], when: 'live' },
  audit_head: { key: ['tenant_id'], when: 'live' },
  retention: { key: ['tenant_id', 'kind', 'effective_at'], when: 'live' },
  journal: { key: ['number'], when: 'live', large: 'detail' },
  epoch: { key: ['id'], when: 'live' },
  // The key tree, and what tells where it stands: an earlier copy of any of it would only be an old copy.
  seal: { key: ['generation', 'key_id'], when: 'closed' },
  reservation: { key: ['leaf'], when: 'closed' },
  key_page: { key: ['place'], when: 'closed', large: 'sealed' },
};

// Object.entries forgets that the keys of a record are exactly its key type.
const entries = Object.entries(copies) as [CopiedName, Copy<unknown>][];

/** The tables that may be copied then. */
export function copiedTables(when: Copy<unknown>['when']): CopiedTable[] {
  return entries
    .filter(([, copy]) => copy.when === when)
    .map(([name, { key, large = null }]) => ({ name, key, large }));
}

/** Tables in which the database counts `number` up, and never goes back. */
export const countedTables = ['tenant', 'account', 'journal'] as const satisfies readonly CopiedName[];

/** Tables that nobody may write to any more once an archive has left its database. */
export const closedTables: readonly (keyof Tables)[] = [...entries.map(([name]) => name), 'archive'];
