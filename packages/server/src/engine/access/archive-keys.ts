import { sealBytes } from '../../keys/sealing.ts';
import type { Engine } from '../context.ts';
import { contextOf, type KeyPairKind } from '../secrets.ts';
import { archiveOwner, ensureArchiveRow, takeArchiveRow } from './signing-key.ts';

/**
 * Seals the private key (PKCS #8, DER) of a pair of the archive's, unless there is one. Its row comes first, and any process
 * may seal a key in it, so that one that died in between leaves nothing to repair. Of several that make one at once the first
 * to commit has made it for all; the keys of the others are forgotten.
 */
export async function fillArchiveKey(engine: Engine, kind: KeyPairKind, make: () => Promise<Buffer>): Promise<void> {
  const artifact = await ensureArchiveRow(engine, kind);
  if (artifact.sealed !== null) return;
  const bytes = await make();
  const key = await engine.tree.keyOf(artifact.slot);
  const sealed = sealBytes(key, contextOf(artifact), bytes);
  key.fill(0);
  bytes.fill(0);
  await engine.store.write(async (tx) => {
    await takeArchiveRow(tx, kind);
    const row = await tx.artifacts.find(archiveOwner, kind);
    if (row?.slot === artifact.slot && row.sealed === null) await tx.artifacts.setSealed(row.slot, { sealed });
  });
}
