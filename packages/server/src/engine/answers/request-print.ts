import { createHash } from 'node:crypto';
import { openBytes, sealBytes } from '../../keys/sealing.ts';
import type { Artifact } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import { canonicalJson } from '../archive/new-call.ts';
import type { Engine } from '../context.ts';
import { contextOf } from '../secrets.ts';

/**
 * What tells a request's body from another one: SHA-256 over its JSON, whatever the order of its fields, and over the digest
 * (hex) of the recording that came with it. As personal as what it is made of; stored only sealed.
 */
export function printOf(body: unknown, recordingSha256: string | undefined): Buffer {
  return createHash('sha256')
    .update(canonicalJson({ body, recording: recordingSha256 ?? null }))
    .digest();
}

/** Seals a print under the slot of the call's details, whose row must have been committed, so that it dies with them. */
export async function sealPrint(engine: Engine, details: Artifact, print: Uint8Array): Promise<Buffer> {
  const key = await engine.tree.keyOf(details.slot);
  const sealed = sealBytes(key, placeOf(details), print);
  key.fill(0);
  return sealed;
}

/**
 * Opens what `sealPrint` sealed; undefined where it can be opened no more: with the details that it was sealed beside it was
 * erased, or these are not they.
 */
export async function openPrint(engine: Engine, details: Artifact, sealed: Uint8Array): Promise<Buffer | undefined> {
  try {
    const key = await engine.tree.keyOf(details.slot);
    try {
      return openBytes(key, placeOf(details), sealed);
    } finally {
      key.fill(0);
    }
  } catch (error) {
    // To the key of details that came after a restore had lost the ones before, a print of those is damage.
    if (hasCode(error, 'key_destroyed') || hasCode(error, 'damage')) return undefined;
    throw error;
  }
}

/** Apart from the details themselves by its kind. */
function placeOf(details: Artifact) {
  return { ...contextOf(details), kind: 'kept-answer' };
}
