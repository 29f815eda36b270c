import type { BlobName, BlobReader, BlobStore, EraseOutcome, StoredBlob } from '../model/blob-store.ts';
import { hasCode } from '../model/errors.ts';
import type { Meter } from '../model/meter.ts';
import type { LabelsOf } from '../model/metrics.ts';

type Verb = LabelsOf<'tacet_blob_operations_total'>['verb'];
type TimedVerb = LabelsOf<'tacet_blob_operation_seconds'>['verb'];
type Outcome = LabelsOf<'tacet_blob_operations_total'>['outcome'];

/** A blob store that tells `meter` what is asked of it and how that ended. In all else it is `blobs`. */
export function meteredBlobs(blobs: BlobStore, meter: Meter): BlobStore {
  const timed = async <T>(verb: TimedVerb, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    try {
      return await counted(meter, verb, work);
    } finally {
      meter.observe('tacet_blob_operation_seconds', { verb }, (performance.now() - began) / 1000);
    }
  };
  return {
    async create(name, source, options) {
      const created = await timed('create', async () => await blobs.create(name, source, options));
      meter.count('tacet_blob_bytes_total', { direction: 'written' }, created.sizeBytes);
      return created;
    },
    async open(name) {
      const reader = await timed('open', async () => await blobs.open(name));
      return reader && meteredReader(reader, meter);
    },
    stat: async (name) => await timed('stat', async () => await blobs.stat(name)),
    async erase(names) {
      const outcomes = await timed('erase', async () => await blobs.erase(names));
      tellErased(outcomes, meter);
      return outcomes;
    },
    remaining: async (names) => await timed('remaining', async () => await blobs.remaining(names)),
    list: () => meteredList(blobs, meter),
    removeUnfinished: async (olderThan) =>
      await timed('remove_unfinished', async () => await blobs.removeUnfinished(olderThan)),
    // Asked at the start, or to know whether the store is there at all: no work of anybody's.
    owner: async () => await blobs.owner(),
    mark: async (archiveId) => await blobs.mark(archiveId),
    check: async () => await blobs.check(),
  };
}

async function counted<T>(meter: Meter, verb: Verb, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    meter.count('tacet_blob_operations_total', { verb, outcome: 'ok' });
    return result;
  } catch (error) {
    meter.count('tacet_blob_operations_total', { verb, outcome: failureOf(error) });
    throw error;
  }
}

/** The port lets the errors of a source, and the reasons of a signal, through unchanged: those are not the store's. */
function failureOf(error: unknown): Outcome {
  return hasCode(error, 'blob_failed') || hasCode(error, 'damage') ? 'failed' : 'cut';
}

function tellErased(outcomes: ReadonlyMap<BlobName, EraseOutcome>, meter: Meter): void {
  const counts = { erased: 0, absent: 0, locked: 0, failed: 0 };
  for (const { kind } of outcomes.values()) counts[kind] += 1;
  for (const outcome of ['erased', 'absent', 'locked', 'failed'] as const) {
    meter.count('tacet_blobs_erased_total', { outcome }, counts[outcome]);
  }
}

function meteredReader(reader: BlobReader, meter: Meter): BlobReader {
  return {
    sizeBytes: reader.sizeBytes,
    // Asked at once: a range that is none is refused by the call, not by the first byte.
    read: (start, endExclusive) => meteredRead(reader.read(start, endExclusive), meter),
    close: async () => await reader.close(),
  };
}

async function* meteredRead(chunks: AsyncIterable<Buffer>, meter: Meter): AsyncGenerator<Buffer> {
  // Left standing where whoever reads stops before the end.
  let outcome: Outcome = 'cut';
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
    }
    outcome = 'ok';
  } catch (error) {
    outcome = failureOf(error);
    throw error;
  } finally {
    meter.count('tacet_blob_operations_total', { verb: 'read', outcome });
    meter.count('tacet_blob_bytes_total', { direction: 'read' }, bytes);
  }
}

async function* meteredList(blobs: BlobStore, meter: Meter): AsyncGenerator<StoredBlob> {
  let outcome: Outcome = 'cut';
  try {
    yield* blobs.list();
    outcome = 'ok';
  } catch (error) {
    outcome = failureOf(error);
    throw error;
  } finally {
    meter.count('tacet_blob_operations_total', { verb: 'list', outcome });
  }
}
