import type { BlobName, StoredBlob } from '../../model/blob-store.ts';
import type { Artifact } from '../../model/call.ts';
import { artifactAt, unnamedAmong } from '../blob-rows.ts';
import type { Engine } from '../context.ts';
import type { Findings } from './findings.ts';

/** Names compared with the rows in one go. */
const batch = 500;
/** A name that nobody claims is looked for this often, each time in rows read anew. */
const looks = 2;
/** Unfinished creates beside a whole recording that are looked for a second time; the rest is found once these are gone. */
const besideMax = 10_000;

/**
 * Every blob in the store, unfinished ones included, is named by an artifact or must go; and nothing unfinished is left
 * beside a recording that is whole.
 *
 * Rows are read after the blob was seen: they are committed before its first byte is stored, and go only after its last
 * byte has gone. So a blob that is there, and that rows read since do not name, belongs to nobody.
 */
export async function checkBlobs(engine: Engine, findings: Findings): Promise<void> {
  const beside = new Set<BlobName>();
  let seen: StoredBlob[] = [];
  const check = async () => {
    findings.count('blobs', seen.length);
    const names = seen.map((blob) => blob.name);
    for (const blob of await unnamedForGood(engine, names)) {
      findings.problem('blob_unnamed', `blob ${blob}`, { code: 'blob_unnamed', kind: 'bytes', blob });
    }
    for (const name of await besideWhole(engine, seen)) if (beside.size < besideMax) beside.add(name);
    seen = [];
  };
  for await (const blob of engine.blobs.list()) {
    seen.push(blob);
    if (seen.length === batch) await check();
  }
  await check();
  await checkBeside(engine, findings, beside);
}

/** A create that was just ending when it was listed is over by now: what is still there, nobody will finish. */
async function checkBeside(engine: Engine, findings: Findings, suspects: ReadonlySet<BlobName>): Promise<void> {
  if (suspects.size === 0) return;
  for await (const { name, unfinished } of engine.blobs.list()) {
    if (!unfinished || !suspects.has(name)) continue;
    findings.problem('blob_unfinished', `blob ${name}`, { code: 'blob_unfinished', kind: 'unfinished' });
  }
}

async function unnamedForGood(engine: Engine, names: readonly BlobName[]): Promise<BlobName[]> {
  let suspects = [...names];
  for (let seen = 0; seen < looks; seen += 1) {
    suspects = await engine.store.snapshot(async (reads) => await unnamedAmong(reads, suspects));
    if (suspects.length === 0) return [];
    const there = await engine.blobs.remaining(suspects);
    suspects = suspects.filter((name) => there.has(name));
  }
  return suspects;
}

/** Names of unfinished creates whose recording's row says that it was stored whole. */
async function besideWhole(engine: Engine, blobs: readonly StoredBlob[]): Promise<BlobName[]> {
  const names: BlobName[] = [];
  for (const { name, unfinished } of blobs) {
    if (unfinished && isWhole(await artifactAt(engine.store.reads, name), name)) names.push(name);
  }
  return names;
}

/** True when the artifact names these bytes and its row was finished, which is after they were stored. */
export function isWhole(artifact: Artifact | undefined, name: BlobName): boolean {
  return artifact?.blob === name && artifact.blobBytes !== null;
}
