import type { SealRecord, TopRow } from '../model/key-store.ts';
import type { VaultState } from '../model/vault.ts';
import { clockOf } from './root-key-clocks.ts';

/** A root key; `diesAt` is null for the named one and while its clock has not started. */
export type RootKeyStatus = { generation: number; isNamed: boolean; isLocked: boolean; diesAt: number | null };

/**
 * Backups of the database that one root key opens: those taken from the moment that the key was named until the next one
 * was. `takenTo` is null where that is still so, `opensUntil` while the key's clock has not started.
 */
export type BackupSpan = {
  generation: number;
  takenFrom: number;
  takenTo: number | null;
  opensUntil: number | null;
};

/** Times in ms since the Unix epoch. */
export type RootStatus = {
  archiveId: string;
  generation: number;
  sealedAt: number;
  horizonMs: number;
  hasRecoveryKey: boolean;
  rootKeys: RootKeyStatus[];
  backups: BackupSpan[];
};

/** Row and vault as operators see them. `seals` may lack any; what the vault keeps of them is added. */
export function rootStatusOf(
  top: TopRow,
  state: VaultState,
  seals: readonly SealRecord[],
  on: { horizonMs: number; hasRecoveryKey: boolean },
): RootStatus {
  const { archiveId, generation, sealedAt } = top;
  const keys = state.keys.map((key) => {
    const clock = clockOf(key, state.heads);
    const isNamed = key.id === top.keyId;
    return { ...key, isNamed, diesAt: isNamed || clock === undefined ? null : clock + on.horizonMs };
  });
  const all = [...seals, ...state.heads].sort((a, b) => a.generation - b.generation);
  const backups = keys.flatMap(({ id, diesAt }) => {
    // A key of a seal that died before its commit was never named: no backup hangs on it.
    const seal = all.find((one) => one.keyId === id);
    if (seal === undefined) return [];
    const next = all.find((one) => one.generation > seal.generation);
    return [
      {
        generation: seal.generation,
        takenFrom: seal.sealedAt,
        takenTo: next?.sealedAt ?? null,
        opensUntil: diesAt,
      },
    ];
  });
  const rootKeys = keys.map(({ id: _, ...key }) => key);
  return { archiveId, generation, sealedAt, ...on, rootKeys, backups };
}
