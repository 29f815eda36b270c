/** What an archive must look like when everything in it has been purged. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { holdings } from './creovai-forms.ts';
import type { TestApp } from './harness.ts';
import { filesOf } from './raw-search.ts';
import { until } from './until.ts';

/**
 * Waits for what is under way, then expects that of all calls and events only tombstones are left, of these calls, and
 * that a deep look finds nothing wrong.
 */
export async function expectOnlyTombstones(app: TestApp, callIds: readonly string[]): Promise<void> {
  await Promise.all(app.engine.background);
  await untilQuiet(app.engine);
  const { reads } = app.engine.store;
  const { erasures: _, ...held } = await holdings(app);
  expect(held).toEqual({ blobs: [], calls: [], tokens: [], artifacts: [] });
  expect(await reads.events.page('', 10_000)).toEqual([]);
  expect(await reads.doomed.all('', 10_000)).toEqual([]);
  const tombstones = await reads.tombstones.page('', 10_000);
  expect(tombstones.map(({ callId }) => callId).sort()).toEqual([...callIds].sort());
  expect(tombstones.filter(({ goneAt }) => goneAt === null)).toEqual([]);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
}

/** Pieces of everything of clients that is sealed at this moment, in rows and files: a few bytes every so often. */
export async function sealedPieces(app: TestApp): Promise<Buffer[]> {
  const { reads } = app.engine.store;
  const artifacts = (await reads.artifacts.page(0, 10_000)).filter(({ kind }) => !kind.endsWith('-key'));
  const sealed = [...artifacts, ...(await reads.events.page('', 10_000))].map((row) => row.sealed);
  const blobs = artifacts.flatMap(({ blob }) => blob ?? []);
  const recordings = filesOf(app.folder).filter((file) => blobs.some((blob) => file.includes(blob)));
  expect(recordings).toHaveLength(blobs.length);
  return [...sealed, ...recordings.map((file) => readFileSync(file))].flatMap(piecesOf);
}

function piecesOf(sealed: Uint8Array | null): Buffer[] {
  const bytes = Buffer.from(sealed ?? []);
  const places = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) => i * 1000);
  return places.map((at) => bytes.subarray(at, at + 32)).filter((piece) => piece.length === 32);
}

/** How many of the pieces stand in some file of home and vault. */
export function piecesFound(app: TestApp, pieces: readonly Buffer[]): number {
  const files = filesOf(app.folder).map((file) => readFileSync(file));
  return pieces.filter((piece) => files.some((bytes) => bytes.includes(piece))).length;
}

/** Waits until none of the pieces is in any file of home and vault: not even what nobody can open is kept. */
export async function untilOverwritten(app: TestApp, pieces: readonly Buffer[]): Promise<void> {
  await until(async () => piecesFound(app, pieces) === 0);
}
