import { newId } from '../../lib/ids.ts';
import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import { secretRow } from '../secrets.ts';

/** Owner of what belongs to the archive itself. */
export const archiveOwner = 'archive';

/** Makes the key that signs access tokens where there is none. Run by every process before it serves. */
export async function ensureSigningKey(engine: Engine): Promise<void> {
  if ((await engine.store.reads.artifacts.find(archiveOwner, 'token-signing-key')) !== undefined) return;
  await engine.issuer.withSlots(1, async (slots) => {
    await engine.store.write(async (tx) => {
      if ((await tx.artifacts.find(archiveOwner, 'token-signing-key')) !== undefined) return;
      await tx.artifacts.insert([secretRow(slots[0] ?? 0, null, archiveOwner, 'token-signing-key')]);
      await engine.issuer.confirm(tx.keys, slots);
    });
  });
}

type KeyRing = { kid: string; key: Uint8Array }[];

/** The key ring that signs access tokens: one key, named by its slot. Reads the row, so that it fails with the store. */
export async function signingKeys(engine: Engine): Promise<KeyRing> {
  const artifact = await engine.store.reads.artifacts.find(archiveOwner, 'token-signing-key');
  if (artifact === undefined) throw new AppError('damage', { detail: 'the token-signing key is missing' });
  return await verifyingKeys(engine);
}

/** The same ring for checking tokens, which every request does: row and key are remembered for at most a minute. */
export async function verifyingKeys(engine: Engine): Promise<KeyRing> {
  const { slot, value } = await engine.secrets.openWithSlot(archiveOwner, 'token-signing-key');
  return [{ kid: `s${slot}`, key: value }];
}

/** A name for this process, unique among all that ever work on the archive. */
export function newProcessId(now: number): string {
  return `process-${newId(now)}`;
}
