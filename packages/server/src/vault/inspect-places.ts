import { isDeepStrictEqual } from 'node:util';
import { AppError, hasCode } from '../model/errors.ts';
import type { VaultProblem } from '../model/vault.ts';
import { lackingIn } from './levelling.ts';
import { copyIn, listed, type Place } from './place.ts';
import { archiveFile, parseName } from './vault-files.ts';

/** Looks after which what still changes is told as it is: a vault that many write to is never quite at rest. */
const looksMax = 5;

/**
 * Every file of every place against the others, as `Vault.inspect` tells it, by folder and name. Where something is
 * wrong it looks until two looks agree: a file on its way is in one folder before it is in the next.
 *
 * @param check throws unless a file is whole.
 */
export async function inspectPlaces(
  places: readonly Place[],
  check: (file: string, bytes: Buffer) => void,
): Promise<VaultProblem[]> {
  let before: VaultProblem[] | undefined;
  for (let looks = 1; ; looks += 1) {
    const problems = await look(places, check);
    if (problems.length === 0 || looks === looksMax || isDeepStrictEqual(problems, before)) return problems;
    before = problems;
  }
}

async function look(places: readonly Place[], check: (file: string, bytes: Buffer) => void): Promise<VaultProblem[]> {
  const listings: Set<string>[] = [];
  for (const place of places) listings.push(new Set((await listed(place)).filter(isOurs)));
  const isBegun = listings.some((names) => names.size > 0);
  const problems: VaultProblem[] = [];
  for (const [i, place] of places.entries()) {
    const names = listings[i] ?? new Set();
    const lacking = lackingIn(names, listings);
    if (isBegun && !names.has(archiveFile)) lacking.unshift(archiveFile);
    for (const file of [...names].sort()) {
      if (await isDamaged(place, file, check)) problems.push({ folder: i + 1, file, problem: 'damaged' });
    }
    for (const file of lacking) problems.push({ folder: i + 1, file, problem: 'missing' });
  }
  return problems;
}

/** True for a file that is there and does not pass. One that went meanwhile is no damage. */
export async function isDamaged(
  place: Place,
  file: string,
  check: (file: string, bytes: Buffer) => void,
): Promise<boolean> {
  try {
    await copyIn(place, file, (bytes) => {
      try {
        check(file, bytes);
      } finally {
        bytes.fill(0);
      }
    });
    return false;
  } catch (error) {
    if (error instanceof AppError && !hasCode(error, 'vault_unreachable')) return true;
    throw error;
  }
}

function isOurs(file: string): boolean {
  return file === archiveFile || parseName(file) !== undefined;
}
