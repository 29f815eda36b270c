import { newId } from '../../lib/ids.ts';
import type { Artifact, SecretKind } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import type { KeyPairKind } from '../secrets.ts';

/** Owner of what belongs to the archive itself. */
export const archiveOwner = 'archive';

/** What the archive has one of. */
type ArchiveKind = Extract<SecretKind, 'token-signing-key' | 'login-key'> | KeyPairKind;

/** Makes the key that signs access tokens where there is none. Run by every process before it serves. */
export async function ensureSigningKey(engine: Engine): Promise<void> {
  await ensureArchiveRow(engine, 'token-signing-key');
}

/**
 * The row that names the archive's slot of this kind, made where there is none. Of two processes that make it at once one
 * finds the other's.
 */
export async function ensureArchiveRow(engine: Engine, kind: ArchiveKind): Promise<Artifact> {
  const known = await engine.store.reads.artifacts.find(archiveOwner, kind);
  if (known !== undefined) return known;
  return await engine.issuer.withSlots(1, async ([slot = 0]) => {
    return await engine.store.write(async (tx) => {
      await takeArchiveRow(tx, kind);
      const others = await tx.artifacts.find(archiveOwner, kind);
      if (others !== undefined) return others;
      const ownerId = archiveOwner;
      const row: Artifact = { slot, tenantId: null, ownerId, kind, sealed: null, blob: null, blobBytes: null };
      await tx.artifacts.insert([row]);
      await engine.issuer.confirm(tx.keys, [slot]);
      return row;
    });
  });
}

/** There is one row of a kind, and one key in it: of several who would make either, one comes after the other. */
export async function takeArchiveRow(tx: StoreTx, kind: ArchiveKind): Promise<void> {
  await tx.locks.take([{ tenantId: archiveOwner, what: 'archive-key', digest: kind }], 'alone');
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
