/**
 * The vendor's table of data classes, written out: what becomes of each field, and of each thing sealed, when one of its
 * methods is used. X is erased; behind the name stands what a field shows then.
 */
import { type ErasingMethod, erasingMethods } from './twin-erasing.ts';

export type Fate = { empty: unknown; isErasedBy: (method: ErasingMethod) => boolean };
export type DataClasses = ReadonlyMap<string, Fate>;

/** A row of the statistics. Of `callTo` and `callFrom` one is the customer's end and the other the tenant's own line. */
export const rowClasses = tableOf(`
                          empty  C0    C1    K0    K1    R
  recordPath              null   X     keep  X     keep  X
  phone                   null   X     X     X     X     keep
  number                  null   X     X     X     X     keep
  customersEnd            null   X     X     X     X     keep
  ownEnd                  -      keep  keep  keep  keep  keep
  variables               {}     X     X     X     X     keep
  variablesString         null   X     X     X     X     keep
  result                  {}     X     X     X     X     keep
  results                 {}     X     X     X     X     keep
  resultsString           null   X     X     X     X     keep
  dialogResult            null   X     X     X     X     keep
  confirmation            null   X     X     X     X     keep
  evaluation              null   X     X     X     X     keep
  nps                     null   X     X     X     X     keep
  messages                []     X     X     X     X     keep
  messagesAsString        null   X     X     X     X     keep
  linkToLog               null   X     X     X     X     keep
  redirectAdditional      null   X     X     X     X     keep
  redirectAnons           null   X     X     X     X     keep
  redirectDestination     null   X     X     X     X     keep
  redirectDestinationId   null   X     X     X     X     keep
  callbackData            -      keep  keep  keep  keep  keep
  clientExternalId        -      keep  keep  keep  keep  keep
  shortNumber             -      keep  keep  keep  keep  keep
  regionId                -      keep  keep  keep  keep  keep
  timezone                -      keep  keep  keep  keep  keep
  id                      -      keep  keep  keep  keep  keep
  autoCallCandidateId     -      keep  keep  keep  keep  keep
  taskId                  -      keep  keep  keep  keep  keep
  taskName                -      keep  keep  keep  keep  keep
  botId                   -      keep  keep  keep  keep  keep
  botName                 -      keep  keep  keep  keep  keep
  companyId               -      keep  keep  keep  keep  keep
  status                  -      keep  keep  keep  keep  keep
  currentStatusName       -      keep  keep  keep  keep  keep
  responder               -      keep  keep  keep  keep  keep
  transferredToOperator   -      keep  keep  keep  keep  keep
  isIncoming              -      keep  keep  keep  keep  keep
  type                    -      keep  keep  keep  keep  keep
  duration                -      keep  keep  keep  keep  keep
  mainCallDuration        -      keep  keep  keep  keep  keep
  robotCallDuration       -      keep  keep  keep  keep  keep
  price                   -      keep  keep  keep  keep  keep
  createdAt               -      keep  keep  keep  keep  keep
  updatedAt               -      keep  keep  keep  keep  keep
  startedAt               -      keep  keep  keep  keep  keep
  finishedAt              -      keep  keep  keep  keep  keep
`);

/**
 * A candidate. Its attempts that are still to come end with its numbers, and `status` tells it. Its `updatedAt` is not here:
 * it is when that last changed.
 */
export const candidateClasses = tableOf(`
                          empty        C0    C1    K0    K1    R
  phone                   []           keep  keep  X     X     keep
  variables               {}           keep  keep  X     X     keep
  status                  "CANCELLED"  keep  keep  X     X     keep
  callbackData            -            keep  keep  keep  keep  keep
  clientExternalId        -            keep  keep  keep  keep  keep
  timezone                -            keep  keep  keep  keep  keep
  checkPhone              -            keep  keep  keep  keep  keep
  id                      -            keep  keep  keep  keep  keep
  autoCallId              -            keep  keep  keep  keep  keep
  autoCallTemplateId      -            keep  keep  keep  keep  keep
  botSettingsId           -            keep  keep  keep  keep  keep
  callCount               -            keep  keep  keep  keep  keep
  lastCallId              -            keep  keep  keep  keep  keep
  createdAt               -            keep  keep  keep  keep  keep
`);

/** What is sealed of a call, and what finds it; what is erased leaves nothing, and a mark in the row. */
export const sealedCallClasses = tableOf(`
                          empty  C0    C1    K0    K1    R
  recording               -      X     keep  X     keep  X
  transcript              -      X     X     X     X     keep
  details                 -      X     X     X     X     keep
  correlation             -      keep  keep  keep  keep  keep
  token:phone             -      X     X     X     X     keep
  token:email             -      X     X     X     X     keep
  token:session           -      keep  keep  keep  keep  keep
  token:external          -      keep  keep  keep  keep  keep
  recordingErasedAt       -      X     keep  X     keep  X
  depersonalizedAt        -      X     X     X     X     keep
`);

/** The same of a candidate. */
export const sealedCandidateClasses = tableOf(`
                          empty  C0    C1    K0    K1    R
  details                 -      keep  keep  X     X     keep
  correlation             -      keep  keep  keep  keep  keep
  token:phone             -      keep  keep  X     X     keep
  token:external          -      keep  keep  keep  keep  keep
  depersonalizedAt        -      keep  keep  X     X     keep
`);

/** What a table says of a name. Throws for a name that is not in it. */
export function fateOf(table: DataClasses, name: string): Fate {
  const fate = table.get(name);
  if (fate === undefined) throw new Error(`the table of data classes says nothing of ${name}`);
  return fate;
}

function tableOf(text: string): DataClasses {
  const [head = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  if (head.join() !== ['empty', ...erasingMethods].join()) throw new Error('the table has other columns');
  return new Map(rows.map(([name = '', empty = '', ...cells]) => [name, fateIn(empty, cells)]));
}

function fateIn(empty: string, cells: readonly string[]): Fate {
  const erasing = erasingMethods.filter((_, column) => cells[column] === 'X');
  if (cells.length !== erasingMethods.length) throw new Error('a row of the table is not complete');
  return {
    empty: empty === '-' ? undefined : JSON.parse(empty),
    isErasedBy: (method) => erasing.includes(method),
  };
}
