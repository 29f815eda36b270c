// The attack that Tacet is about: an old copy of the home, and every key that exists now.
//
// Nothing here asks the server. Rows and bytes are read from the files, and each key is tried on each ciphertext by force,
// with the product's own formats and no regard for which key belongs where.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { blobPaths } from '../../packages/server/dist/blobs/file-blob-layout.js';
import { contextOf } from '../../packages/server/dist/engine/secrets.js';
import {
  associatedDataOf,
  isAbsent,
  isDestroyed,
  keyBytes,
  nodeKeyCrypto,
  pathOf,
  placeName,
  standardShape,
  topPlace,
} from '../../packages/server/dist/keys/page.js';
import { openBytes } from '../../packages/server/dist/keys/sealing.js';
import { keyReads } from '../../packages/server/dist/store/key-pages.js';
import { Session } from '../../packages/server/dist/store/session.js';
import { SqliteConnection } from '../../packages/server/dist/store/sqlite-driver.js';
import { FileVault } from '../../packages/server/dist/vault/file-vault.js';
import { openFolder } from '../../packages/server/dist/vault/folder.js';

/** The database of a home. */
export function databaseOf(home) {
  return join(home, 'db', 'tacet.sqlite');
}

/** Every key page of a home, the topmost one first, as stored. */
export async function readKeyPages(home) {
  return await reading(home, async (session) => {
    const reads = keyReads(session);
    const top = await reads.readTop();
    const places = new Map();
    for (let leaf = 0; leaf < top.nextLeaf; leaf += 1) {
      for (const place of pathOf(leaf, standardShape)) places.set(placeName(place), place);
    }
    return [{ ...topPlace(standardShape), sealed: top.page }, ...(await reads.readPages([...places.values()]))];
  });
}

/**
 * Everything sealed in a home, rows and recordings, each with the id of the call it belongs to and the place it is bound
 * to: whoever has the files knows these too.
 */
export async function readSealings(home) {
  const rows = await reading(home, async (session) => {
    return await session.rows('SELECT tenant_id, owner_id, kind, blob, sealed FROM artifact', []);
  });
  return (await Promise.all(rows.map(async (row) => await sealingsOf(home, row)))).flat();
}

/** How many erasures are still under way, by the rows. */
export async function openErasures(home) {
  return await reading(home, async (session) => {
    const [{ open }] = await session.rows("SELECT count(*) AS open FROM erasure WHERE state = 'running'", []);
    return Number(open);
  });
}

async function reading(home, work) {
  const connection = new SqliteConnection(databaseOf(home), 'read');
  try {
    return await work(new Session(connection));
  } finally {
    await connection.close();
  }
}

/** What a row seals: JSON in the row, and for a recording its bytes in a file besides. */
async function sealingsOf(home, row) {
  const owner = { tenantId: row.tenant_id, ownerId: row.owner_id };
  const sealings = [];
  if (row.sealed !== null) {
    const kind = row.kind === 'recording' ? 'recording-facts' : row.kind;
    sealings.push({ callId: row.owner_id, kind, context: contextOf({ ...owner, kind }), sealed: row.sealed });
  }
  if (row.blob !== null) {
    const sealed = await readFile(blobPaths(join(home, 'blobs'), row.blob).path);
    const context = contextOf({ ...owner, kind: row.kind });
    sealings.push({ callId: row.owner_id, kind: row.kind, context, sealed });
  }
  return sealings;
}

/** How many root keys a vault holds. */
export async function rootKeyCount(vaultFolder) {
  return (await vaultOf(vaultFolder).current()).keys.length;
}

/** Every key of an archive: the root keys in its vault, and whatever its key pages hold once these are opened. */
export async function everyKey(vaultFolder, home) {
  const vault = vaultOf(vaultFolder);
  const names = (await vault.current()).keys;
  const rootKeys = await Promise.all(names.map(async ({ id, generation }) => await vault.open(id, generation)));
  return openPages(await readKeyPages(home), rootKeys).keys;
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
