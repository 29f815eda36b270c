import { keyBytes } from '../../src/keys/page.ts';
import { type Ledger, nameOf } from './ledger.ts';
import { derivations, type KeyUse, type Oracle } from './oracle.ts';

/** What an attacker has made of what he holds. */
export type Closure = {
  /** Ciphertexts that he can open, by `nameOf`. */
  opened: Set<string>;
  /** Keys that he knows and that were ever used, as latin1 text. */
  keys: Set<string>;
};

/** All that he starts from: what was ever written, and files that he has seized. */
export type Loot = { ledger: Ledger; files: readonly Buffer[] };

/**
 * Everything that follows from the loot: each 32-byte window of each plaintext, and what the code can derive from it,
 * is tried on each ciphertext; what opens gives new windows.
 */
export function closureOf(loot: Loot, oracle: Oracle): Closure {
  const closure: Closure = { opened: new Set(), keys: new Set() };
  const plains: Buffer[] = [...loot.files, ...loot.ledger.texts];
  for (const record of [...loot.ledger.pages, ...loot.ledger.artifacts]) plains.push(record.sealed);
  const learn = (use: KeyUse | undefined): boolean => {
    if (use === undefined) return false;
    const name = use.key.toString('latin1');
    if (closure.keys.has(name)) return true;
    closure.keys.add(name);
    for (const { sealed, plain } of use.sealings) {
      if (!loot.ledger.has(sealed)) continue;
      closure.opened.add(nameOf(sealed));
      plains.push(plain);
      for (let at = 0; at + keyBytes <= plain.length; at += keyBytes) derive(plain.subarray(at, at + keyBytes));
    }
    derive(use.key);
    return true;
  };
  const derive = (key: Buffer): void => {
    for (const derived of derivations) {
      let next = derived(key);
      while (!closure.keys.has(next.toString('latin1')) && learn(oracle.at(next, 0))) next = derived(next);
    }
  };
  for (let plain = plains.pop(); plain !== undefined; plain = plains.pop()) {
    for (let at = 0; at + keyBytes <= plain.length; at += 1) learn(oracle.at(plain, at));
  }
  return closure;
}
