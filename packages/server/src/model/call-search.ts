import type { Call, DialStatus, Direction } from './call.ts';

/** What rows of calls are asked for. Every condition given must hold; of a list any one does. */
export type CallSearch = {
  ids?: readonly string[];
  candidateIds?: readonly string[];
  taskIds?: readonly string[];
  botIds?: readonly string[];
  dialStatuses?: readonly DialStatus[];
  directions?: readonly Direction[];
  /** By the start, or where there is none by when the call was archived: `from` included, `to` not. In ms. */
  from?: number;
  to?: number;
};

export type CallOrder = { by: 'startedAt' | 'createdAt'; isDescending: boolean };

/** A page of a tenant's calls. Every condition given must hold. `from` included, `to` not, in ms. */
export type CallList = {
  limit: number;
  before?: { at: number; id: string };
  kind?: Call['kind'];
  source?: Call['source'];
  direction?: Direction;
  taskId?: string;
  candidateId?: string;
  from?: number;
  to?: number;
};

/**
 * Calls of a kind that began before `before`; with `createdAfter` only those archived after that, with `createdUpTo` only
 * those archived by then; not retained past `now`.
 */
export type OutlivedCalls = {
  tenantId: string;
  kind: Call['kind'];
  before: number;
  createdAfter?: number;
  createdUpTo?: number;
  now: number;
  limit: number;
  after?: { at: number; id: string };
};

/** How many rows a search looks at, at the most, whether or not they keep the conditions; and how many it tells. */
export type SearchBounds = { lookedAt: number; found: number };
