import type { Candidate } from '../../model/campaign.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';

/**
 * The candidate to which something is about to be added, such as a call. To be asked in the transaction that adds it.
 *
 * Throws `candidate_not_found` for one that is unknown or another tenant's, `candidate_erased` for one that was purged, or whose
 * numbers and variables were erased, and `upload_busy` while an erasure of it has begun whose keys are not destroyed yet: a hold may
 * still stop it, so that nobody can say at this moment which of the two it is.
 */
export async function openCandidate(
  on: StoreReads | StoreTx,
  tenantId: string,
  candidateId: string,
): Promise<Candidate> {
  const candidate = await on.candidates.find(tenantId, candidateId);
  if (candidate === undefined && (await on.tombstones.find(tenantId, [candidateId])).length > 0) {
    throw new AppError('candidate_erased');
  }
  if (candidate === undefined || candidate.status === 'ADDING') throw new AppError('candidate_not_found');
  if (candidate.depersonalizedAt !== null) throw new AppError('candidate_erased');
  const gates = await on.erasures.gatesOf([candidateId]);
  if (gates.length > 0)
    throw new AppError('upload_busy', { message: 'This candidate is being erased; try again later' });
  return candidate;
}
