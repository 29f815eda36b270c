import type { ReadCall } from '../../engine/calls/read-call.ts';
import type { Call, CallArtifactKind } from '../../model/call.ts';
import { recordPath } from './record-path.ts';
import {
  customerNumber,
  durationSeconds,
  finishedAt,
  jsonText,
  liftedFrom,
  messagesOf,
  messagesText,
  numberIn,
  objectIn,
  ownNumber,
  resultOf,
  resultsOf,
  textIn,
  timeText,
} from './search-row.ts';

/** A call to be shown as a row, and whatever a row says that is not in the call itself. */
export type RowSource = {
  read: ReadCall;
  /** The tenant's number. */
  companyId: number;
  /** The secret part of a link to a call's recording. */
  linkTo: (callId: string) => string;
  publicUrl: string;
};

/** One field of a row: which parts of a call it is read from, and its value, which is JSON. */
type Field = { opens: readonly CallArtifactKind[]; of: (from: RowSource) => unknown };

function ofCall(value: (call: Call) => unknown): Field {
  return { opens: [], of: ({ read }) => value(read.call) };
}

/** Erased with the call's personal parts. */
function ofDetails(value: (read: ReadCall) => unknown): Field {
  return { opens: ['details'], of: ({ read }) => value(read) };
}

/** What its client recognises the call by; a depersonalization keeps it. */
function ofCorrelation(value: (part: ReadCall['correlation']) => unknown): Field {
  return { opens: ['correlation'], of: ({ read }) => value(read.correlation) };
}

/** The details tell who spoke. */
function ofTranscript(value: (read: ReadCall) => unknown): Field {
  return { opens: ['transcript', 'details'], of: ({ read }) => value(read) };
}

const customersNumber = ofDetails(customerNumber);
const dialStatus = ofCall((call) => call.dialStatus);
const lifted = (name: string) => ofDetails((read) => liftedFrom(read, name));
/** Platforms may send what the vendor's own webhook says, or the same without the word that it begins with. */
const redirect = (name: string, short: string) =>
  ofDetails(({ details }) => {
    const said = objectIn(details, 'redirect');
    return textIn(said, name) ?? textIn(said, short);
  });

/**
 * Every field that a row can have, in the order in which rows have them: the union of what the vendor documents and what
 * clients read. What was erased, or was never said, is null, or the empty list or object; the key is always there. A value's
 * type never changes.
 */
const fields = {
  id: ofCall((call) => call.id),
  companyId: { opens: [], of: ({ companyId }) => companyId },
  autoCallCandidateId: ofCall((call) => call.candidateId),
  taskId: ofCall((call) => call.taskId),
  taskName: ofCorrelation((part) => textIn(part, 'taskName')),
  botId: ofCall((call) => call.botId),
  botName: ofCorrelation((part) => textIn(part, 'botName')),
  clientExternalId: ofCorrelation((part) => textIn(part, 'externalId')),
  callbackData: ofCorrelation((part) => part?.['callbackData'] ?? {}),
  // The customer's, whichever way the call went: what rows are looked for by.
  phone: customersNumber,
  number: customersNumber,
  callTo: withDirection((read, isIncoming) => (isIncoming ? ownNumber(read) : customerNumber(read))),
  callFrom: withDirection((read, isIncoming) => (isIncoming ? customerNumber(read) : ownNumber(read))),
  shortNumber: ofCorrelation((part) => textIn(part, 'shortNumber')),
  isIncoming: ofCall(isInbound),
  type: ofCall((call) => (isInbound(call) ? 'INCOMING' : 'OUTGOING')),
  status: dialStatus,
  currentStatusName: dialStatus,
  responder: ofCorrelation((part) => textIn(part, 'responder')),
  transferredToOperator: ofCorrelation((part) => part?.['transferredToOperator'] === true),
  redirectAdditional: redirect('redirectAdditional', 'additional'),
  redirectAnons: redirect('redirectAnons', 'anons'),
  redirectDestination: redirect('redirectDestination', 'destination'),
  redirectDestinationId: redirect('redirectDestinationId', 'destinationId'),
  duration: { opens: [], of: ({ read }) => durationSeconds(read) },
  // Nobody tells us which part of a call was whose.
  mainCallDuration: ofCall(() => null),
  robotCallDuration: ofCall(() => null),
  price: ofCorrelation((part) => numberIn(part, 'price')),
  regionId: ofCorrelation((part) => numberIn(part, 'regionId')),
  timezone: ofCorrelation((part) => numberIn(part, 'timezone')),
  createdAt: ofCall((call) => timeText(call.createdAt)),
  // Details may have been added to by events.
  updatedAt: ofDetails((read) => timeText(read.updatedAt)),
  startedAt: ofCall((call) => timeText(call.startedAt)),
  finishedAt: { opens: [], of: ({ read }) => timeText(finishedAt(read)) },
  variables: ofDetails(({ details }) => objectIn(details, 'variables') ?? {}),
  variablesString: ofDetails(({ details }) => jsonText(details?.['variables'])),
  result: ofDetails((read) => resultOf(read) ?? {}),
  results: ofDetails(resultsOf),
  resultsString: ofDetails((read) => jsonText(resultOf(read))),
  dialogResult: ofDetails(({ details }) => details?.['dialogResult'] ?? null),
  nps: ofDetails(({ details }) => numberIn(details, 'nps') ?? numberIn(objectIn(details, 'results'), 'nps')),
  confirmation: lifted('confirmation'),
  evaluation: lifted('evaluation'),
  messages: ofTranscript(messagesOf),
  messagesAsString: ofTranscript(messagesText),
  linkToLog: ofDetails(({ details }) => textIn(details, 'logLink')),
  recordPath: {
    opens: ['recording'],
    of: ({ read: { call, recording }, linkTo, publicUrl }) =>
      recording === null ? null : recordPath(publicUrl, linkTo(call.id), recording.contentType),
  },
} satisfies Record<string, Field>;

export type FieldName = keyof typeof fields;

export const fieldNames = Object.keys(fields) as readonly FieldName[];

/** What must be opened of a call to tell these fields. */
export function opensFor(names: readonly FieldName[]): CallArtifactKind[] {
  return [...new Set(names.flatMap((name) => fields[name].opens))];
}

export function fieldValue(name: FieldName, from: RowSource): unknown {
  return fields[name].of(from);
}

/** A row with these fields, as JSON text. */
export function rowText(names: readonly FieldName[], from: RowSource): string {
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, fieldValue(name, from)])));
}

/** One end is the customer's and goes with the details, the other is the tenant's and stays. */
function withDirection(value: (read: ReadCall, isIncoming: boolean) => unknown): Field {
  return { opens: ['details', 'correlation'], of: ({ read }) => value(read, isInbound(read.call)) };
}

function isInbound({ direction }: Call): boolean {
  return direction === 'inbound';
}
