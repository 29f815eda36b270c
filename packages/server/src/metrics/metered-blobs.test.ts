import { beforeEach, describe, expect, test } from 'vitest';
import { sumOf } from '../../test/support/metrics-page.ts';
import type { BlobStore, EraseOutcome } from '../model/blob-store.ts';
import { AppError } from '../model/errors.ts';
import { meteredBlobs } from './metered-blobs.ts';
import { PromMeter } from './prom-meter.ts';

let meter: PromMeter;
/** Does what a test sets in it, and nothing else. */
let inner: Partial<BlobStore>;
let blobs: BlobStore;

beforeEach(() => {
  meter = new PromMeter();
  inner = {};
  // Only what the test has set is called.
  blobs = meteredBlobs(new Proxy({} as BlobStore, { get: (_target, verb) => inner[verb as keyof BlobStore] }), meter);
});

async function operations(verb: string): Promise<Record<string, number | undefined>> {
  const page = await meter.page();
  const of = (outcome: string) => sumOf(page, 'tacet_blob_operations_total', { verb, outcome });
  return { ok: of('ok'), failed: of('failed'), cut: of('cut') };
}

async function* nothing(): AsyncGenerator<Buffer> {}

async function wholeOf(chunks: AsyncIterable<Buffer> | Buffer[]): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe('what is asked of a blob store', () => {
  test('counts as failed where the store failed, and as cut where the sender did', async () => {
    inner.create = async () => ({ sizeBytes: 70 });
    await blobs.create('a', nothing());
    inner.create = async () => {
      throw new AppError('blob_failed');
    };
    await expect(blobs.create('a', nothing())).rejects.toMatchObject({ code: 'blob_failed' });
    inner.create = async () => {
      throw new AppError('upload_cut');
    };
    await expect(blobs.create('a', nothing())).rejects.toMatchObject({ code: 'upload_cut' });
    expect(await operations('create')).toEqual({ ok: 1, failed: 1, cut: 1 });
    const page = await meter.page();
    expect(sumOf(page, 'tacet_blob_bytes_total', { direction: 'written' })).toBe(70);
    expect(sumOf(page, 'tacet_blob_operation_seconds_count', { verb: 'create' })).toBe(3);
  });

  test('counts the names of an erase by what became of each', async () => {
    const erased = { kind: 'erased' } as const;
    const outcomes: [string, EraseOutcome][] = [
      ['a', erased],
      ['b', erased],
      ['c', { kind: 'locked', until: null }],
      ['d', { kind: 'failed', error: new AppError('blob_failed') }],
    ];
    inner.erase = async () => new Map(outcomes);
    await blobs.erase(['a', 'b', 'c', 'd']);
    const page = await meter.page();
    const of = (outcome: string) => sumOf(page, 'tacet_blobs_erased_total', { outcome });
    expect(['erased', 'absent', 'locked', 'failed'].map(of)).toEqual([2, 0, 1, 1]);
    expect(await operations('erase')).toEqual({ ok: 1, failed: 0, cut: 0 });
  });

  test('counts the bytes of a read, whole, left in the middle, or failed', async () => {
    let fails = false;
    const read = async function* () {
      yield Buffer.alloc(10);
      if (fails) throw new AppError('blob_failed');
      yield Buffer.alloc(5);
    };
    inner.open = async () => ({ sizeBytes: 15, read, close: async () => undefined });
    const reader = await blobs.open('a');
    for await (const _chunk of reader?.read(0, 15) ?? []);
    for await (const _chunk of reader?.read(0, 15) ?? []) break;
    fails = true;
    await expect(wholeOf(reader?.read(0, 15) ?? [])).rejects.toMatchObject({ code: 'blob_failed' });
    expect(await operations('read')).toEqual({ ok: 1, failed: 1, cut: 1 });
    expect(sumOf(await meter.page(), 'tacet_blob_bytes_total', { direction: 'read' })).toBe(35);
  });
});
