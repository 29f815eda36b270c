import { type Artifact, type Call, type CallArtifactKind, untouched } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import type { NewCall, skeletonOf } from './new-call.ts';
import { uploadErased } from './session-refusals.ts';

/** The row of a call that comes: its uploader holds it for the length of a lease. */
export function uploadRow(
  engine: Pick<Engine, 'clock' | 'limits'>,
  { id, tenantId }: Pick<Call, 'id' | 'tenantId'>,
  skeleton: ReturnType<typeof skeletonOf>,
): Call {
  const now = engine.clock.now();
  return {
    id,
    tenantId,
    ...untouched,
    ...skeleton,
    status: 'uploading',
    createdAt: now,
    uploadUntil: now + engine.limits.uploadLeaseMs,
    isUploadDoomed: false,
  };
}

/** The row of an artifact that comes. It names its slot, and a recording's blob, before anything is sealed under it. */
export function uploadArtifact(
  { id, tenantId }: Pick<Call, 'id' | 'tenantId'>,
  kind: CallArtifactKind,
  slot: number,
): Artifact {
  const blob = kind === 'recording' ? `${id}-${slot}` : null;
  return { slot, tenantId, ownerId: id, kind, sealed: null, blob, blobBytes: null };
}

/**
 * Throws when the row of an upload under way is no longer its own: swept after its lease, or met by an erasure.
 *
 * @param call what is uploaded, where it has said so.
 */
export function refuseGivenUp(row: Call | undefined, call: NewCall | undefined): void {
  if (row === undefined) throw new AppError('upload_cut', { message: 'The upload took too long and was given up' });
  if (row.isUploadDoomed) throw uploadErased(call);
}
