import { codeOf } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { ApiClient, User } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';

const hourMs = 3_600_000;

/** Who is noted already, by their rows' ids, while it is under way: a burst of logins is one write. */
const underWay = new WeakMap<Engine['background'], Set<string>>();

/** Notes, to the hour, that a client has got a token. As `noteUse`. */
export function noteClientUse(engine: Engine, client: ApiClient): void {
  noteUse(engine, client, async (tx, lastUsedAt) => {
    const now = await tx.clients.find(client.id);
    if (now !== undefined && (now.lastUsedAt ?? 0) < lastUsedAt) await tx.clients.update(client.id, { lastUsedAt });
  });
}

/** The same of a user who has logged in. */
export function noteUserUse(engine: Engine, user: User): void {
  noteUse(engine, user, async (tx, lastUsedAt) => {
    const now = await tx.users.find({ id: user.id });
    if (now !== undefined && (now.lastUsedAt ?? 0) < lastUsedAt) await tx.users.update(user.id, { lastUsedAt });
  });
}

/**
 * At most once an hour for each, and beside the request: nobody waits for it, and nobody fails by it. What could not be
 * written now is written with the next login.
 */
function noteUse(
  engine: Engine,
  { id, lastUsedAt }: { id: string; lastUsedAt: number | null },
  write: (tx: StoreTx, hour: number) => Promise<void>,
): void {
  const hour = Math.floor(engine.clock.now() / hourMs) * hourMs;
  const noting = underWay.get(engine.background) ?? new Set();
  underWay.set(engine.background, noting);
  if ((lastUsedAt ?? 0) >= hour || noting.has(id)) return;
  noting.add(id);
  const written = engine.store
    .write(async (tx) => await write(tx, hour))
    .catch((error: unknown) => engine.log.warn('last_use.not_noted', { code: codeOf(error) }))
    .finally(() => {
      noting.delete(id);
      engine.background.delete(written);
    });
  engine.background.add(written);
}
