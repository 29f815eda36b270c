// The attack that Tacet is about: an old copy of the archive, and every key that exists now.
//
// Nothing here asks the server. Rows and bytes are read from where they lie, and each key is tried on each ciphertext by force,
// with the product's own formats and no regard for which key belongs where.
import { contextOf } from '../../packages/server/dist/engine/secrets.js';
import {
  associatedDataOf,
  isAbsent,
  isDestroyed,
  keyBytes,
  nodeKeyCrypto,
  standardShape,
  topPlace,
} from '../../packages/server/dist/keys/page.js';
import { openBytes } from '../../packages/server/dist/keys/sealing.js';
import { FileVault } from '../../packages/server/dist/vault/file-vault.js';
import { openFolder } from '../../packages/server/dist/vault/folder.js';

/** What is read of an archive or of a copy: key pages by place, the topmost one apart, and all that is sealed. */
export const statements = {
  top: 'SELECT page FROM archive',
  pages: 'SELECT place, sealed FROM key_page',
  artifacts: 'SELECT tenant_id, owner_id, kind, blob, sealed FROM artifact',
};

const pagesPerLevel = 2 ** 40;

/** Every key page that a reader finds, the topmost one first, as stored. */
export async function readKeyPages(reader) {
  const [{ page }] = await reader.rows(statements.top);
  const pages = await reader.rows(statements.pages);
  return [
    { ...topPlace(standardShape), sealed: page },
    ...pages.map(({ place, sealed }) => ({
      level: Math.floor(place / pagesPerLevel),
      index: place % pagesPerLevel,
      sealed,
    })),
  ];
}

/**
 * Everything sealed that a reader finds, rows and recordings, each with the id of the call it belongs to and the place it is
 * bound to: whoever has the files knows these too.
 */
export async function readSealings(reader) {
  const rows = await reader.rows(statements.artifacts);
  return (await Promise.all(rows.map(async (row) => await sealingsOf(reader, row)))).flat();
}

/** How many erasures are still under way, by the rows. */
export async function openErasures(reader) {
  const [{ open }] = await reader.rows("SELECT count(*) AS open FROM erasure WHERE state = 'running'");
  return Number(open);
}

/** What a row seals: JSON in the row, and for a recording its bytes besides, of whatever versions there are. */
async function sealingsOf(reader, row) {
  const owner = { tenantId: row.tenant_id, ownerId: row.owner_id };
  const sealings = [];
  if (row.sealed !== null) {
    const kind = row.kind === 'recording' ? 'recording-facts' : row.kind;
    sealings.push({ callId: row.owner_id, kind, context: contextOf({ ...owner, kind }), sealed: row.sealed });
  }
  if (row.blob === null) return sealings;
  const context = contextOf({ ...owner, kind: row.kind });
  const versions = await reader.recordings(row.blob);
  return [...sealings, ...versions.map((sealed) => ({ callId: row.owner_id, kind: row.kind, context, sealed }))];
}

/** How many root keys a vault holds. */
export async function rootKeyCount(vaultFolder) {
  return (await vaultOf(vaultFolder).current()).keys.length;
}

/** Every key of an archive: the root keys in its vault, and whatever its key pages hold once these are opened. */
export async function everyKey(vaultFolder, reader) {
  const vault = vaultOf(vaultFolder);
  const names = (await vault.current()).keys;
  const rootKeys = await Promise.all(names.map(async ({ id, generation }) => await vault.open(id, generation)));
  return openPages(await readKeyPages(reader), rootKeys).keys;
}

function vaultOf(folder) {
  return new FileVault({ folders: [openFolder(folder)] });
}

/**
 * Tries every key on every ciphertext of a copy, as long as any further page opens. Each page that does gives up to 256
 * more keys.
 *
 * Answers with the sealings opened (their plaintext beside them), whether the topmost page opened, and the counts.
 */
export function attack({ pages, sealings }, keysAtFirst) {
  const { keys, isTopOpen, trials: pageTrials } = openPages(pages, keysAtFirst);
  const opened = [];
  let trials = pageTrials;
  for (const sealing of sealings) {
    for (const key of keys) {
      trials += 1;
      const plain = openSealing(key, sealing);
      if (plain === undefined) continue;
      opened.push({ ...sealing, plain });
      break;
    }
  }
  return { opened, isTopOpen, keys: keys.length, trials };
}

/** Tries keys on pages, and the keys found there again, as long as anything new opens. */
function openPages(pages, keysAtFirst) {
  const keys = new Map(keysAtFirst.map((key) => [key.toString('hex'), key]));
  const closed = new Set(pages);
  let trials = 0;
  // A key added while this runs is visited by it too, and each is tried on every page that is still closed.
  for (const key of keys.values()) {
    for (const page of closed) {
      trials += 1;
      const plain = nodeKeyCrypto.open(key, associatedDataOf(page), page.sealed);
      if (plain === undefined) continue;
      closed.delete(page);
      for (const found of keysIn(plain)) keys.set(found.toString('hex'), found);
    }
  }
  return { keys: [...keys.values()], isTopOpen: !closed.has(pages[0]), trials };
}

function keysIn(plain) {
  const entries = Array.from({ length: plain.length / keyBytes }, (_, i) =>
    plain.subarray(i * keyBytes, (i + 1) * keyBytes),
  );
  return entries.filter((entry) => !isDestroyed(entry) && !isAbsent(entry));
}

/** The plaintext, or undefined where the key does not fit. Anything but `damage` is a fault of this file. */
function openSealing(key, { context, sealed }) {
  try {
    return openBytes(key, context, sealed);
  } catch (error) {
    if (error.code === 'damage') return undefined;
    throw error;
  }
}
