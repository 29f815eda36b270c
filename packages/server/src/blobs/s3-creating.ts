import { abortable } from '../lib/abortable.ts';
import type { BlobName } from '../model/blob-store.ts';
import { blobFailed } from './blob-failure.ts';
import type { S3Bucket } from './s3-bucket.ts';
import type { S3Creation } from './s3-creations.ts';
import { answered, s3Failed } from './s3-failure.ts';
import {
  type CreateOnly,
  claimKey,
  commitNew,
  type Draft,
  metadataOf,
  newDraft,
  putNew,
  withdraw,
} from './s3-new-object.ts';
import { inParts, partBytes } from './s3-parts.ts';
import { discardUpload, listUploads } from './s3-uploads.ts';

/**
 * Stores all of `source` under a new key: what is smaller than a part in one request, anything else as an upload in parts,
 * which an erase aborts. Holds one part in memory, whatever the length.
 *
 * The request that makes the object is never cut by `signal`: what it has done would not be known. It is waited for, and
 * the object removed.
 */
export async function createObject(
  bucket: S3Bucket,
  rule: CreateOnly,
  creation: S3Creation,
  { name, source, signal }: { name: BlobName; source: AsyncIterable<Uint8Array>; signal: AbortSignal | undefined },
): Promise<{ sizeBytes: number }> {
  const draft = newDraft(`create ${name}`, bucket.keyOf(name));
  let upload: PartedUpload | undefined;
  let small: Uint8Array = Buffer.alloc(0);
  let sizeBytes = 0;
  try {
    for await (const piece of inParts(abortable(source, signal))) {
      creation.assertNotOvertaken();
      sizeBytes += piece.byteLength;
      if (upload === undefined && piece.byteLength < partBytes) {
        // The only piece: the source has ended.
        small = piece;
        break;
      }
      upload ??= await PartedUpload.begin(bucket, draft);
      await upload.add(piece, signal);
    }
    signal?.throwIfAborted();
    const making = upload;
    await creation.commit(() => (making ? making.complete(rule.complete) : putNew(bucket, rule.put, draft, small)));
  } catch (error) {
    await upload?.discard();
    throw error;
  }
  if (signal?.aborted) {
    await quietly(withdraw(bucket, draft));
    signal.throwIfAborted();
  }
  return { sizeBytes };
}

/** One object on its way in parts. End it with `complete` or `discard`. */
class PartedUpload {
  readonly #bucket: S3Bucket;
  readonly #draft: Draft;
  readonly #uploadId: string;
  readonly #parts: { PartNumber: number; ETag: string; ChecksumCRC32?: string }[] = [];

  private constructor(bucket: S3Bucket, draft: Draft, uploadId: string) {
    this.#bucket = bucket;
    this.#draft = draft;
    this.#uploadId = uploadId;
  }

  /** An answer that was lost has begun an upload of which we do not have the id. It is looked for and aborted. */
  static async begin(bucket: S3Bucket, draft: Draft): Promise<PartedUpload> {
    const request = bucket.s3.createMultipartUpload({
      ...{ Bucket: bucket.bucket, Key: draft.key, Metadata: metadataOf(draft), ...bucket.encryption },
      // The SDK sends one with every part; a store that checks them wants to know beforehand.
      ChecksumAlgorithm: 'CRC32',
    });
    try {
      const { UploadId, $metadata } = await answered(draft.what, 's3:PutObject', request);
      if (UploadId === undefined) throw blobFailed(`${draft.what}: S3 gave the upload no id`);
      if (($metadata.attempts ?? 1) > 1) await discardUploadsAt(bucket, draft, UploadId);
      return new PartedUpload(bucket, draft, UploadId);
    } catch (error) {
      await quietly(discardUploadsAt(bucket, draft, undefined));
      throw error;
    }
  }

  /** Sends the next part; its memory may be used again afterwards. All parts but the last have `partBytes`. */
  async add(piece: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const PartNumber = this.#parts.length + 1;
    const request = { ...this.#where(), PartNumber, Body: piece, ContentLength: piece.byteLength };
    try {
      const { ETag, ChecksumCRC32 } = await this.#bucket.s3.uploadPart(request, signal && { abortSignal: signal });
      if (ETag === undefined) throw blobFailed(`${this.#draft.what}: S3 gave a part no ETag`);
      this.#parts.push({ PartNumber, ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) });
    } catch (error) {
      signal?.throwIfAborted();
      throw s3Failed(this.#draft.what, error, 's3:PutObject');
    }
  }

  async complete(rule: CreateOnly['complete']): Promise<void> {
    const request = { ...this.#where(), MultipartUpload: { Parts: this.#parts } };
    const { s3 } = this.#bucket;
    if (rule !== 'claim') {
      const condition = rule === 'condition' && { IfNoneMatch: '*' };
      await commitNew(this.#bucket, rule, this.#draft, () => s3.completeMultipartUpload({ ...request, ...condition }));
      return;
    }
    // Known by an id of its own, so that it is never taken for the object.
    const claim = newDraft(this.#draft.what, this.#draft.key);
    await claimKey(this.#bucket, claim);
    try {
      await commitNew(this.#bucket, 'condition', this.#draft, () => s3.completeMultipartUpload(request));
    } catch (error) {
      await quietly(withdraw(this.#bucket, claim));
      throw error;
    }
  }

  /** Never fails: it runs where something else has, and that is what is told. */
  async discard(): Promise<void> {
    const upload = { key: this.#draft.key, uploadId: this.#uploadId, initiatedAt: new Date(0) };
    await quietly(discardUpload(this.#bucket, this.#draft.what, upload));
  }

  #where(): { Bucket: string; Key: string; UploadId: string } {
    return { Bucket: this.#bucket.bucket, Key: this.#draft.key, UploadId: this.#uploadId };
  }
}

/** Aborts the uploads of the key, but for the one that is kept. Those of another process would fail in the end anyway. */
async function discardUploadsAt(bucket: S3Bucket, { what, key }: Draft, keptId: string | undefined): Promise<void> {
  for await (const upload of listUploads(bucket, what, key)) {
    if (upload.key === key && upload.uploadId !== keptId) await discardUpload(bucket, what, upload);
  }
}

/** What is left where the store does not answer is found under its name, and by every sweep. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
