import type { JsonObject } from './new-call.ts';

/**
 * What a platform that uses the native API says of a call, as it is sealed in `details`. Null for what it did not say. All
 * of it goes with a depersonalization.
 */
export type PlatformDetails = {
  /** Found by the numbers and e-mails of those who are customers (`isCustomer`). */
  participants: { role: string | null; phone: string | null; email: string | null; name: string | null }[];
  variables: JsonObject | null;
  /** Any JSON value but null. */
  results: unknown;
  dialogResult: unknown;
  nps: number | null;
  redirect: JsonObject | null;
  logLink: string | null;
  metadata: JsonObject | null;
};

/** The same in `correlation`: what the client needs to recognise the row; it stays when a call is depersonalized. */
export type PlatformCorrelation = {
  sessionId: string | null;
  externalId: string | null;
  /** Opaque; usually an object, or the empty array that PHP makes of one. */
  callbackData: unknown;
  ownNumber: string | null;
  shortNumber: string | null;
  taskName: string | null;
  botName: string | null;
  responder: string | null;
  transferredToOperator: boolean | null;
  price: number | null;
  regionId: number | null;
  /** Offset from UTC in seconds. */
  timezone: number | null;
};
