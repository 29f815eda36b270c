import type { BlobName } from '../../model/blob-store.ts';
import type { Engine } from '../context.ts';
import type { Findings } from './findings.ts';

/** Names compared with the rows in one go. */
const batch = 500;
/** A name that nobody claims is looked for this often, each time in rows read anew. */
const looks = 2;

/**
 * Every blob in the store, unfinished ones included, is named by an artifact or must go.
 *
 * Rows are read after the blob was seen: they are committed before its first byte is stored, and go only after its last
 * byte has gone. So a blob that is there, and that rows read since do not name, belongs to nobody.
 */
export async function checkBlobs(engine: Engine, findings: Findings): Promise<void> {
  let names: BlobName[] = [];
  const check = async () => {
    findings.count('blobs', names.length);
    for (const name of await unnamedForGood(engine, names)) findings.problem('blob_unnamed', `blob ${name}`);
    names = [];
  };
  for await (const blob of engine.blobs.list()) {
    names.push(blob.name);
    if (names.length === batch) await check();
  }
  await check();
}

async function unnamedForGood(engine: Engine, names: readonly BlobName[]): Promise<BlobName[]> {
  let suspects = [...names];
  for (let seen = 0; seen < looks; seen += 1) {
    suspects = await unnamed(engine, suspects);
    if (suspects.length === 0) return [];
    const there = await engine.blobs.remaining(suspects);
    suspects = suspects.filter((name) => there.has(name));
  }
  return suspects;
}

/** Those of the names that neither an artifact nor a doomed row has, at one instant. */
async function unnamed(engine: Engine, names: readonly BlobName[]): Promise<BlobName[]> {
  if (names.length === 0) return [];
  return await engine.store.snapshot(async (reads) => {
    const doomed = new Set((await reads.doomed.find(names)).map((one) => one.blob));
    const left: BlobName[] = [];
    for (const name of names) {
      if (doomed.has(name)) continue;
      const slot = slotIn(name);
      const [artifact] = slot === undefined ? [] : await reads.artifacts.page(slot, 1);
      if (artifact?.blob !== name) left.push(name);
    }
    return left;
  });
}

/** Names end in the slot that the bytes are sealed under. */
function slotIn(name: BlobName): number | undefined {
  const digits = /-(\d{1,15})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
