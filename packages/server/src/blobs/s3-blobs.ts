import { type Clock, systemClock } from '../lib/clock.ts';
import {
  assertBlobName,
  type BlobName,
  type BlobReader,
  type BlobStore,
  type EraseOutcome,
  refuseOwner,
  type StoredBlob,
} from '../model/blob-store.ts';
import { inLanes } from './lanes.ts';
import { S3Bucket, type S3Limits, type S3Place } from './s3-bucket.ts';
import { createObject } from './s3-creating.ts';
import { S3Creations } from './s3-creations.ts';
import { eraseNames, lotsOf } from './s3-erasing.ts';
import { listBlobs } from './s3-listing.ts';
import { makeMark, readMark } from './s3-marker.ts';
import type { CreateOnly } from './s3-new-object.ts';
import { findObject } from './s3-object.ts';
import { S3BlobReader } from './s3-reader.ts';
import { surveyBucket } from './s3-survey.ts';
import { arrivedOf, discardUpload, listUploads, uploadsOf } from './s3-uploads.ts';
import { versionsOf } from './s3-versions.ts';

/** Names that are looked for together. */
const lotMax = 500;

/**
 * Blobs as objects of an S3 bucket, below a prefix. Any number of processes may share it; nobody else may write there.
 *
 * A create in one request is nowhere until it is done. An erase in this process stops it or waits for it; one in another
 * process does not know of it, and its caller must know that the creator has let go, as the engine does by the lease of an
 * upload. Of a create in parts an erase aborts the upload.
 *
 * Bytes are protected on the way there by a checksum and by the signature; whoever reads them must be able to tell damage,
 * as the opening of what is sealed does. Close it when it is no longer needed.
 */
export class S3Blobs implements BlobStore {
  readonly #bucket: S3Bucket;
  readonly #clock: Clock;
  readonly #creations = new S3Creations();
  #surveyed: Promise<CreateOnly> | undefined;
  #marking: Promise<void> = Promise.resolve();

  constructor(place: S3Place, options: { clock?: Clock; limits?: Partial<S3Limits> } = {}) {
    this.#bucket = new S3Bucket(place, options.limits);
    this.#clock = options.clock ?? systemClock;
  }

  async create(
    name: BlobName,
    source: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<{ sizeBytes: number }> {
    assertBlobName(name);
    const { signal } = options;
    signal?.throwIfAborted();
    return await this.#creations.run(name, async (creation) => {
      const rule = await this.#createOnly();
      return await createObject(this.#bucket, rule, creation, { name, source, signal });
    });
  }

  async open(name: BlobName): Promise<BlobReader | null> {
    const object = await findObject(this.#bucket, `open ${name}`, name);
    return object === undefined ? null : new S3BlobReader(this.#bucket, name, object);
  }

  async stat(name: BlobName): Promise<{ sizeBytes: number } | null> {
    const object = await findObject(this.#bucket, `stat ${name}`, name);
    return object === undefined ? null : { sizeBytes: object.sizeBytes };
  }

  async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    names.forEach(assertBlobName);
    await this.#creations.overtake(names);
    return await eraseNames(this.#bucket, this.#clock, names);
  }

  async remaining(names: readonly BlobName[]): Promise<Set<BlobName>> {
    names.forEach(assertBlobName);
    // Uploads first: the other way round, one that is completed between the two looks is seen by neither.
    const found = new Set<BlobName>((await uploadsOf(this.#bucket, 'remaining', names)).keys());
    await inLanes(lotsOf([...new Set(names)].sort(), lotMax), async (lot) => {
      const keys = new Map(lot.map((name) => [this.#bucket.keyOf(name), name]));
      for (const key of (await versionsOf(this.#bucket, 'remaining', [...keys.keys()])).keys()) {
        const name = keys.get(key);
        if (name !== undefined) found.add(name);
      }
    });
    return found;
  }

  list(): AsyncIterable<StoredBlob> {
    return listBlobs(this.#bucket);
  }

  async removeUnfinished(olderThan: Date): Promise<number> {
    let count = 0;
    for await (const upload of listUploads(this.#bucket, 'remove unfinished', this.#bucket.prefix)) {
      const name = this.#bucket.nameOf(upload.key);
      if (name === undefined || upload.initiatedAt >= olderThan) continue;
      const what = `remove unfinished ${name}`;
      const arrived = await arrivedOf(this.#bucket, what, upload);
      if (arrived === undefined || arrived.modifiedAt >= olderThan) continue;
      if (!(await discardUpload(this.#bucket, what, upload))) continue;
      this.#creations.release(name);
      count += 1;
    }
    return count;
  }

  async owner(): Promise<string | undefined> {
    return await readMark(this.#bucket);
  }

  async mark(archiveId: string): Promise<void> {
    const owner = await readMark(this.#bucket);
    refuseOwner(owner, archiveId);
    if (owner !== undefined) return;
    const rule = await this.#createOnly();
    // One after the other: where the store takes no conditions, of several at once none might stay.
    const marking = this.#marking.then(() => makeMark(this.#bucket, rule.put, archiveId));
    this.#marking = marking.catch(() => undefined);
    await marking;
  }

  async check(): Promise<void> {
    this.#surveyed = surveyBucket(this.#bucket);
    await this.#createOnly();
  }

  /** Ends the connections. */
  async close(): Promise<void> {
    this.#bucket.close();
  }

  /** As it was found at start-up, or is found now. */
  async #createOnly(): Promise<CreateOnly> {
    this.#surveyed ??= surveyBucket(this.#bucket);
    const surveyed = this.#surveyed;
    try {
      return await surveyed;
    } catch (error) {
      // Whatever was wrong may have been put right by the next create.
      if (this.#surveyed === surveyed) this.#surveyed = undefined;
      throw error;
    }
  }
}
