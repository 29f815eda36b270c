import { associatedDataOf, keyBytes, nodeKeyCrypto } from '../../src/keys/page.ts';
import { openBytes } from '../../src/keys/sealing.ts';
import type { Closure, Loot } from './attacker.ts';
import { type ArtifactRecord, nameOf } from './ledger.ts';
import { derivations } from './oracle.ts';

/** The tenant of the simulated archive. */
export const tenantId = 'tenant-1';

/** The context under which an artifact is sealed; it is no secret. */
export function contextOf(record: Pick<ArtifactRecord, 'ownerId' | 'kind'>) {
  return { tenantId, ownerId: record.ownerId, kind: record.kind };
}

type Target = { name: string; tryKey: (key: Buffer) => Buffer | undefined };

/**
 * The same closure with nothing but real ciphertexts and real AES-GCM: each window on each ciphertext that has not
 * opened yet. Slow, and knows nothing that an attacker does not.
 */
export function forcedClosureOf(loot: Loot): Set<string> {
  const opened: Closure['opened'] = new Set();
  let targets = targetsOf(loot);
  const tried = new Set<string>();
  const plains: Buffer[] = [...loot.files, ...loot.ledger.texts];
  const tryKey = (key: Buffer): void => {
    const name = key.toString('latin1');
    if (tried.has(name)) return;
    tried.add(name);
    targets = targets.filter((target) => {
      const plain = target.tryKey(key);
      if (plain === undefined) return true;
      opened.add(target.name);
      plains.push(plain);
      return false;
    });
  };
  for (let plain = plains.pop(); plain !== undefined; plain = plains.pop()) {
    for (let at = 0; at + keyBytes <= plain.length; at += 1) {
      const window = plain.subarray(at, at + keyBytes);
      // 32 printable bytes in a row are no random key (chance 2^-45): text is passed over to save time.
      if (isText(window)) continue;
      tryKey(window);
      if (at % keyBytes === 0) for (const derived of derivations) tryKey(derived(window));
    }
  }
  return opened;
}

function targetsOf(loot: Loot): Target[] {
  const pages = loot.ledger.pages.map(({ place, sealed }) => ({
    name: nameOf(sealed),
    tryKey: (key: Buffer) => nodeKeyCrypto.open(key, associatedDataOf(place), sealed),
  }));
  const artifacts = loot.ledger.artifacts.map((record) => ({
    name: nameOf(record.sealed),
    tryKey: (key: Buffer) => openedOrNot(key, record),
  }));
  return [...pages, ...artifacts];
}

function openedOrNot(key: Buffer, record: ArtifactRecord): Buffer | undefined {
  try {
    return openBytes(key, contextOf(record), record.sealed);
  } catch {
    return undefined;
  }
}

function isText(window: Buffer): boolean {
  return window.every((byte) => byte >= 0x20 && byte < 0x7f);
}
