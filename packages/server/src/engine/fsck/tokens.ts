import { decryptTokens, encryptCores, tokenBytes } from '../../keys/token-cipher.ts';
import type { StoredToken, TokenQuery } from '../../model/token-store.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';
import type { EpochKeys } from './slots.ts';

/** Owners of one session id looked at: one call, and the holds that name it. */
const sharersMax = 100;

/**
 * Every token belongs to a call, a candidate or an active hold of its tenant and stands under a living epoch; no token of a purged
 * call is left; and, in a deep look, a session id leads to one call at the most, under whichever epoch its tokens stand.
 */
export async function checkTokens(look: Look, epochKeys: EpochKeys): Promise<void> {
  const holds = new Map<string, Set<string>>();
  for (const { id } of look.tenants) {
    holds.set(id, new Set((await look.reads.holds.active(id)).map((hold) => hold.id)));
  }
  const read = async (after: StoredToken | undefined) => await look.reads.tokens.page(after, pageSize);
  for await (const page of paged(undefined, read, (last: StoredToken | undefined) => last)) {
    look.findings.count('tokens', page.length);
    for (const [tenantId, tokens] of byTenant(page)) {
      const living = new Set((look.epochs.get(tenantId) ?? []).map((epoch) => epoch.number));
      for (const token of tokens) {
        if (!living.has(token.epoch)) look.findings.problem('token_of_ended_epoch', nameOf(token));
      }
      await checkOwners(look, tenantId, tokens, holds.get(tenantId) ?? new Set());
      if (!look.isDeep) continue;
      const counts = look.findings.ofTenant(tenantId).tokens;
      for (const { kind } of tokens) counts[kind] = (counts[kind] ?? 0) + 1;
      for (const token of tokens) if (token.kind === 'session') await checkSession(look, token, epochKeys);
    }
  }
}

async function checkOwners(
  look: Look,
  tenantId: string,
  tokens: readonly StoredToken[],
  holds: ReadonlySet<string>,
): Promise<void> {
  const owners = [...new Set(tokens.map((token) => token.ownerId))].filter((id) => !holds.has(id));
  const calls = new Set((await look.reads.calls.findMany(tenantId, owners)).map((call) => call.id));
  const others = owners.filter((id) => !calls.has(id));
  if (others.length === 0) return;
  const candidates = new Set((await look.reads.candidates.findMany(tenantId, others)).map((one) => one.id));
  const missing = others.filter((id) => !candidates.has(id));
  const erased = new Set((await look.reads.tombstones.find(tenantId, missing)).map((stone) => stone.callId));
  const without = new Set(missing);
  for (const token of tokens.filter((one) => without.has(one.ownerId))) {
    report(look, erased.has(token.ownerId) ? 'token_of_erased' : 'token_orphaned', token);
  }
}

/** Asks as a look-up does: by the token's core under every living epoch. Told once, by the first of the calls. */
async function checkSession(look: Look, token: StoredToken, epochKeys: EpochKeys): Promise<void> {
  const queries = queriesOf(look, token, epochKeys);
  const owners = await look.reads.tokens.owners(token.tenantId, 'session', queries, '', sharersMax);
  if (owners.length < 2) return;
  const sharers = await look.reads.calls.findMany(token.tenantId, owners);
  // Of a call that comes any number may be awaited, one for each event.
  const calls = sharers.flatMap((call) => (call.status === 'awaited' ? [] : [call.id])).sort();
  if (calls.length > 1 && calls[0] === token.ownerId) {
    look.findings.problem('session_shared', `calls ${calls.join(', ')}`);
  }
}

function queriesOf(look: Look, token: StoredToken, epochKeys: EpochKeys): TokenQuery[] {
  const queries: TokenQuery[] = [{ epoch: token.epoch, token: token.token }];
  const epochs = look.epochs.get(token.tenantId) ?? [];
  const own = epochKeys.get(epochs.find((epoch) => epoch.number === token.epoch)?.slot ?? -1);
  if (own === undefined || epochs.length < 2 || token.token.length !== tokenBytes) return queries;
  const core = decryptTokens(own, token.token);
  for (const epoch of epochs) {
    const key = epoch.number === token.epoch ? undefined : epochKeys.get(epoch.slot);
    if (key !== undefined) queries.push({ epoch: epoch.number, token: encryptCores(key, core) });
  }
  core.fill(0);
  return queries;
}

function report(look: Look, code: 'token_of_erased' | 'token_orphaned', token: StoredToken): void {
  look.findings.problem(code, nameOf(token), { code, kind: 'tokens', ownerId: token.ownerId });
}

function nameOf({ kind, ownerId, epoch }: StoredToken): string {
  return `${kind} token of ${ownerId}, epoch ${epoch}`;
}
