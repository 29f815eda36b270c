import { hasCode } from '../../model/errors.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { RootKeyName, Vault, VaultState } from '../../model/vault.ts';
import type { Findings } from './findings.ts';

/** What an expiry destroys is overwritten, made durable and then removed: that is how long a file may look damaged. */
const pauseMs = 20;
const attempts = 50;

/** What the vault holds now; undefined, and a problem, where it stays unreadable. */
export async function readVault(vault: Vault, findings: Findings): Promise<VaultState | undefined> {
  return await orProblem(findings, async () => await vault.current({ afresh: true }));
}

/** The entries of a segment by id; empty where it is gone; undefined, and a problem, where it stays unreadable. */
export async function readSegment(
  vault: Vault,
  name: RootKeyName,
  findings: Findings,
): Promise<Map<string, JournalEntry> | undefined> {
  const entries = await orProblem(findings, async () => await vault.readSegment(name));
  return entries && new Map(entries.map((entry) => [entry.id, entry]));
}

/** What an operator may be told of a failure: details hold file names, sizes and ids. */
export function detailOf(error: { detail: string | undefined; code: string }): string {
  return error.detail ?? error.code;
}

/** We hold no lock, so what looks damaged is read again until it is whole, gone, or damaged for good. */
async function orProblem<T>(findings: Findings, read: () => Promise<T>): Promise<T | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (!hasCode(error, 'damage')) throw error;
      if (attempt < attempts) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        continue;
      }
      findings.problem('unreadable', detailOf(error));
      return undefined;
    }
  }
}
