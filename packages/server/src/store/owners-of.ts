/** Who carries many tokens at a time: a plan may name ten thousand people, each under every living epoch. */
import type { StoreReads } from '../model/store.ts';
import type { TokenQuery } from '../model/token-store.ts';
import { batches, marks, perBatch } from './batches.ts';
import { toKindCode } from './rows.ts';
import type { Session } from './session.ts';
import { tenantNumberIfAny } from './tenants.ts';

type OwnersOf = StoreReads['tokens']['ownersOf'];
type StonesOf = StoreReads['tombstones']['ownersOf'];

/*
 * `OFFSET 0`: each token is looked up by the primary key, however few rows the statistics take the table for and however
 * many tokens are asked for.
 */
const ownersOfMany = (given: string) => `SELECT given.position - 1 AS place, carried.owner_id
  FROM ${given} WITH ORDINALITY AS given (epoch, token, position)
  CROSS JOIN LATERAL (SELECT token.owner_id FROM token WHERE token.tenant = ? AND token.kind = ?
    AND token.epoch = given.epoch AND token.token = given.token OFFSET 0) AS carried`;
const stonesOfMany = (given: string) => `SELECT given.position - 1 AS place, carried.call_id
  FROM ${given} WITH ORDINALITY AS given (token, position)
  CROSS JOIN LATERAL (SELECT tombstone_token.call_id FROM tombstone_token
    WHERE tombstone_token.tenant = ? AND tombstone_token.kind = ? AND tombstone_token.token = given.token OFFSET 0) AS carried`;

const ownersOfSome = perBatch(
  (size) =>
    `SELECT token, owner_id FROM token WHERE tenant = ? AND kind = ? AND epoch = ? AND token IN (${marks(size)})`,
);
const stonesOfSome = perBatch(
  (size) => `SELECT token, call_id FROM tombstone_token WHERE tenant = ? AND kind = ? AND token IN (${marks(size)})`,
);

/** See `StoreReads.tokens`. */
export function ownersOfTokens(session: Session): OwnersOf {
  return async (tenantId, kind, tokens) => {
    const tenant = await tenantNumberIfAny(session, tenantId);
    if (tenant === undefined || tokens.length === 0) return [];
    const common = [tenant, toKindCode(kind)];
    const { unnested } = session.dialect;
    if (unnested !== null) {
      const columns = [tokens.map(({ epoch }) => epoch), tokens.map(({ token }) => token)];
      const sql = ownersOfMany(unnested(['integer', 'bytes']));
      const rows = await session.rows<{ place: number; owner_id: string }>(sql, [...columns, ...common]);
      return rows.map((row) => ({ at: row.place, ownerId: row.owner_id }));
    }
    const found: { at: number; ownerId: string }[] = [];
    for (const [epoch, places] of byEpoch(tokens)) {
      for (const batch of batches([...places.values()])) {
        const parameters = [...common, epoch, ...batch.map(({ token }) => token)];
        const rows = await session.rows<{ token: Uint8Array; owner_id: string }>(ownersOfSome(batch), parameters);
        for (const row of rows) {
          for (const at of places.get(keyOf(row.token))?.at ?? []) found.push({ at, ownerId: row.owner_id });
        }
      }
    }
    return found;
  };
}

/** See `StoreReads.tombstones`. */
export function ownersOfStoneTokens(session: Session): StonesOf {
  return async (tenantId, kind, tokens) => {
    const tenant = await tenantNumberIfAny(session, tenantId);
    if (tenant === undefined || tokens.length === 0) return [];
    const common = [tenant, toKindCode(kind)];
    const { unnested } = session.dialect;
    if (unnested !== null) {
      const rows = await session.rows<{ place: number; call_id: string }>(stonesOfMany(unnested(['bytes'])), [
        tokens,
        ...common,
      ]);
      return rows.map((row) => ({ at: row.place, callId: row.call_id }));
    }
    const found: { at: number; callId: string }[] = [];
    const places = placesOf(tokens.entries());
    for (const batch of batches([...places.values()])) {
      const parameters = [...common, ...batch.map(({ token }) => token)];
      const rows = await session.rows<{ token: Uint8Array; call_id: string }>(stonesOfSome(batch), parameters);
      for (const row of rows) {
        for (const at of places.get(keyOf(row.token))?.at ?? []) found.push({ at, callId: row.call_id });
      }
    }
    return found;
  };
}

/** Where in a list each token stands, by its bytes: the same person may be named twice. */
type Places = Map<string, { token: Uint8Array; at: number[] }>;

function placesOf(entries: Iterable<[at: number, token: Uint8Array]>): Places {
  const places: Places = new Map();
  for (const [at, token] of entries) {
    const known = places.get(keyOf(token));
    if (known) known.at.push(at);
    else places.set(keyOf(token), { token, at: [at] });
  }
  return places;
}

function byEpoch(tokens: readonly TokenQuery[]): Map<number, Places> {
  const entries = new Map<number, [number, Uint8Array][]>();
  for (const [at, { epoch, token }] of tokens.entries()) {
    const mine = entries.get(epoch);
    if (mine) mine.push([at, token]);
    else entries.set(epoch, [[at, token]]);
  }
  return new Map([...entries].map(([epoch, mine]) => [epoch, placesOf(mine)]));
}

function keyOf(token: Uint8Array): string {
  return Buffer.from(token.buffer, token.byteOffset, token.byteLength).toString('latin1');
}
