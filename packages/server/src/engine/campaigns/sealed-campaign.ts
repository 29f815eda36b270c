import type { JsonObject } from '../archive/new-call.ts';

/** What is sealed of a task, in its artifact `task`. */
export type TaskContent = {
  name: string;
  /** Everything else that the client gave, as it gave it. */
  settings: JsonObject;
};

/** What is sealed of a candidate in `details`. A depersonalization erases it. */
export type CandidateDetails = {
  /** As the client wrote them; the candidate is found by each. Never empty. */
  phones: readonly string[];
  variables: JsonObject;
};

/** The same in `correlation`, which stays. Null for what the client did not say. */
export type CandidateCorrelation = {
  /** Opaque; an object, or the empty array that PHP makes of one. */
  callbackData: JsonObject | [] | null;
  /** The candidate is found by it. */
  clientExternalId: string | null;
  /** Offset from UTC in seconds. */
  timezone: number | null;
  /** In the client's own form. */
  checkPhone: boolean | number | string | null;
  autoCallTemplateId: string | null;
};
