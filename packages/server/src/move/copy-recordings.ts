import { inLanes } from '../blobs/lanes.ts';
import type { Faults } from '../lib/faults.ts';
import type { BlobStore } from '../model/blob-store.ts';
import type { NamedBlob } from '../model/move.ts';
import type { SlotSet } from './slot-set.ts';

/** The two blob stores of a move. */
export type MovingBlobs = { from: BlobStore; to: BlobStore };

export type CopyRecordingsOptions = MovingBlobs & {
  faults: Faults;
  /** Slots whose recordings this process has seen whole in the target: bytes never change under a name. */
  copied: SlotSet;
  onProgress: (recordings: number) => void;
};

/** What the source's rows name. `missing`: recordings of which the source has no bytes. */
export type RecordingsCopied = { recordings: number; bytes: number; changed: number; missing: string[] };

/**
 * Copies the recordings that rows name and the target lacks, a few at a time, each as it is: sealed. What no row names stays
 * behind, and so do bytes that wait for their removal.
 *
 * One that has gone from the source meanwhile was erased, or was lost before: the caller knows by then which of the two.
 */
export async function copyRecordings(
  pages: AsyncIterable<readonly NamedBlob[]>,
  options: CopyRecordingsOptions,
): Promise<RecordingsCopied> {
  const done: RecordingsCopied = { recordings: 0, bytes: 0, changed: 0, missing: [] };
  for await (const page of pages) {
    await inLanes(page, async (blob) => {
      const became = options.copied.has(blob.slot) ? 'there' : await copyOne(blob, options);
      if (became === 'missing') done.missing.push(blob.name);
      else options.copied.add(blob.slot);
      if (became === 'copied') done.changed += 1;
      done.recordings += 1;
      done.bytes += blob.sizeBytes;
    });
    options.onProgress(done.recordings);
  }
  return done;
}

async function copyOne(blob: NamedBlob, options: CopyRecordingsOptions): Promise<'copied' | 'there' | 'missing'> {
  const { from, to, faults } = options;
  const there = await to.stat(blob.name);
  if (there?.sizeBytes === blob.sizeBytes) return 'there';
  const reader = await from.open(blob.name);
  if (reader === null) return 'missing';
  try {
    // One that was damaged before is copied as it is, for fsck to tell of.
    if (there?.sizeBytes === reader.sizeBytes) return 'there';
    await to.create(blob.name, reader.read(0, reader.sizeBytes));
  } catch (error) {
    // Erased while it was read: nothing is lost with it.
    if ((await from.stat(blob.name)) === null) return 'missing';
    throw error;
  } finally {
    await reader.close();
  }
  await faults.at('move:recording-copied');
  return 'copied';
}
