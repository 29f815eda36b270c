import { decryptTokens, encryptCores, tokenBytes } from '../../keys/token-cipher.ts';
import type { TombstoneToken } from '../../model/erasure-store.ts';
import { hasCode } from '../../model/errors.ts';
import type { TokenQuery } from '../../model/token-store.ts';
import { type Look, paged } from './look.ts';
import type { EpochKeys } from './slots.ts';

/** Owners read in one go. */
const ownersMax = 500;

/**
 * Names the calls that have the session id of a purged one: each was refused when it came, and the events that wait for it
 * were dropped. Asks as a look-up does, by the core under every living epoch.
 *
 * @param tokens of tombstones of this tenant, of any kinds.
 */
export async function reportSessionsOfErased(
  look: Look,
  epochKeys: EpochKeys,
  tenantId: string,
  tokens: readonly TombstoneToken[],
): Promise<void> {
  const sessions = tokens.filter(({ kind, token }) => kind === 'session' && token.length === tokenBytes);
  const key = sessions.length === 0 ? undefined : await tombstoneKey(look, tenantId);
  if (key === undefined) return;
  const queries = sessions.flatMap(({ token }) => {
    const core = decryptTokens(key, token);
    const mine = queriesOf(look, epochKeys, tenantId, core);
    core.fill(0);
    return mine;
  });
  key.fill(0);
  // All sessions together: one by one, each would be a round trip, and nearly all have no owner any more.
  const read = async (afterId: string) =>
    await look.reads.tokens.owners(tenantId, 'session', queries, afterId, ownersMax);
  for await (const owners of paged('', read, (last: string) => last)) {
    for (const call of await look.reads.calls.findMany(tenantId, owners)) {
      if (call.status !== 'awaited') look.findings.problem('session_of_erased', `call ${call.id}`);
    }
  }
}

/** Undefined where it cannot be opened, which other checks tell. */
async function tombstoneKey({ engine }: Look, tenantId: string): Promise<Buffer | undefined> {
  try {
    return await engine.secrets.open(tenantId, 'tombstone-key');
  } catch (error) {
    if (hasCode(error, 'damage') || hasCode(error, 'key_destroyed')) return undefined;
    throw error;
  }
}

function queriesOf(look: Look, epochKeys: EpochKeys, tenantId: string, core: Buffer): TokenQuery[] {
  return (look.epochs.get(tenantId) ?? []).flatMap(({ number, slot }) => {
    const key = epochKeys.get(slot);
    return key === undefined ? [] : [{ epoch: number, token: encryptCores(key, core) }];
  });
}
