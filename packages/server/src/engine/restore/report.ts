import type { ErasureAction } from '../../model/erasure.ts';

/** What a restore did, for the operator and for whoever must show it later. Our own ids and counts only. */
export type RestoreReport = {
  /** Journal entries that this database lacked and now has. */
  entries: number;
  /**
   * What was erased again, oldest first. `callId` is the id of a call or a candidate; `wasHere` is false for one that this
   * database never knew or had no more.
   */
  items: { callId: string; action: ErasureAction; erasedAt: number; wasHere: boolean }[];
  /** Calls refused from now on that this database did not know as purged. */
  tombstones: number;
  holdsPlaced: string[];
  holdsReleased: string[];
  /** Users who were disabled again: of them the e-mails are erased. */
  usersDisabled: string[];
  /** Of the holds placed again: those whose phones, e-mails or sessions could not be carried over, only their calls. */
  holdsWithoutIdentifiers: string[];
  /** Tenants that entries speak of and that this database does not know: made after the copy. */
  unknownTenants: string[];
  /** Artifacts whose newer content was lost and whose older content had to go. */
  artifactsLost: string[];
  /** Uploads that were under way when the copy was made. */
  uploadsEnded: number;
  slotsDestroyed: number;
  /** Stored bytes that no row names: of calls archived after the copy, or erased. */
  bytesSwept: number;
  /** Living calls whose recording is not in the blob store. */
  callsWithoutBytes: string[];
  /** Items that were looked at and found gone, and those of which something is left; a worker goes on with these. */
  verified: number;
  unverified: number;
  generation: number;
  sealedAt: number;
};

/** A report of nothing yet. */
export function emptyReport(): RestoreReport {
  return {
    entries: 0,
    items: [],
    tombstones: 0,
    holdsPlaced: [],
    holdsReleased: [],
    usersDisabled: [],
    holdsWithoutIdentifiers: [],
    unknownTenants: [],
    artifactsLost: [],
    uploadsEnded: 0,
    slotsDestroyed: 0,
    bytesSwept: 0,
    callsWithoutBytes: [],
    verified: 0,
    unverified: 0,
    generation: 0,
    sealedAt: 0,
  };
}
