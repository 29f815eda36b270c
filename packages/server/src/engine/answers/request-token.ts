import { createHmac } from 'node:crypto';
import { encryptCores, tokenBytes } from '../../keys/token-cipher.ts';
import type { Caller, Engine } from '../context.ts';

/** No kind of identifier: what a request is recognised by finds no call, and no call's token finds a request. */
const label = 'idempotency-key';

/**
 * What a request is recognised by when it comes again: its `Idempotency-Key` together with who sent it and what for, keyed
 * as identifiers are and encrypted under the tenant's tombstone key. Without the keys it says nothing, and two clients of
 * one tenant may use the same key without meeting.
 *
 * @param verb what the request is to do, in words that do not change: part of what is stored for a day.
 * @param key as the client wrote it.
 */
export async function requestToken(engine: Engine, caller: Caller, verb: string, key: string): Promise<Buffer> {
  const { tenant, actor } = caller;
  const indexKey = await engine.secrets.open(tenant.id, 'index-key');
  const hmac = createHmac('sha256', indexKey);
  // None of them but the last can hold a NUL, so that no two requests are written alike.
  for (const part of [label, actor.kind, actor.id, verb]) hmac.update(`${part}\0`);
  const core = hmac.update(key, 'utf8').digest().subarray(0, tokenBytes);
  const tombstoneKey = await engine.secrets.open(tenant.id, 'tombstone-key');
  const token = encryptCores(tombstoneKey, core);
  for (const secret of [indexKey, tombstoneKey]) secret.fill(0);
  return token;
}
