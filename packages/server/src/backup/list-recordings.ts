import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { BlobStore } from '../model/blob-store.ts';
import type { NamedRecording } from '../store/resting-database.ts';
import type { BackupManifest } from './manifest.ts';

/** Looks at the blob store at once: enough to keep a disk or a network busy. */
const looksAtOnce = 32;

/**
 * Writes the list of recordings to a new file (mode 0600), a line of JSON for each, and makes its bytes durable. One whose
 * bytes, all of them, are not in the blob store now is marked `present: false`.
 */
export async function listRecordings(
  file: string,
  pages: AsyncIterable<readonly NamedRecording[]>,
  around: { blobs: Pick<BlobStore, 'stat'>; signal: AbortSignal },
): Promise<BackupManifest['blobs']> {
  const counts = { count: 0, bytes: 0, missing: 0 };
  const hash = createHash('sha256');
  const list = await open(file, 'wx', 0o600);
  try {
    for await (const page of pages) {
      around.signal.throwIfAborted();
      const present = await presentOf(page, around.blobs);
      const text = page.map((one) => lineOf(one, present)).join('');
      for (const one of page) {
        counts.count += 1;
        counts.bytes += one.sizeBytes;
        if (!present.has(one.name)) counts.missing += 1;
      }
      hash.update(text);
      await list.writeFile(text);
    }
    await list.sync();
  } finally {
    await list.close();
  }
  return { ...counts, sha256: hash.digest('hex') };
}

async function presentOf(page: readonly NamedRecording[], blobs: Pick<BlobStore, 'stat'>): Promise<Set<string>> {
  const present = new Set<string>();
  const look = async ({ name, sizeBytes }: NamedRecording) => {
    if ((await blobs.stat(name))?.sizeBytes === sizeBytes) present.add(name);
  };
  for (let at = 0; at < page.length; at += looksAtOnce) await Promise.all(page.slice(at, at + looksAtOnce).map(look));
  return present;
}

function lineOf({ name, sizeBytes }: NamedRecording, present: ReadonlySet<string>): string {
  return `${JSON.stringify({ name, sizeBytes, ...(!present.has(name) && { present: false }) })}\n`;
}
