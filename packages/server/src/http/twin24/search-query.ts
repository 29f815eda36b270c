import { type CallQuery, searchedMax } from '../../engine/calls/search-calls.ts';
import { isId } from '../../lib/ids.ts';
import { type Direction, dialStatuses, type Identifier } from '../../model/call.ts';
import type { CallOrder, CallSearch } from '../../model/call-search.ts';
import { isPlainText } from '../json-in.ts';
import {
  isOn,
  listOf,
  listParameters,
  onlyText,
  ordersOf,
  partOf,
  phoneOf,
  plainQuery,
  type Query,
  refuseUnknown,
  timeOf,
} from './list-params.ts';
import { type FieldName, fieldNames, fieldValue, opensFor, type RowSource } from './search-fields.ts';

/** What a search of calls asks for. */
export type SearchQuery = {
  /** Of each row, in this order. */
  fields: readonly FieldName[];
  asked: Omit<CallQuery, 'filter'>;
  /** What only a row can tell: the parts of a call to be opened for it, and whether a row is wanted. */
  filter: { opens: CallQuery['opens']; keeps: (row: RowSource) => boolean } | null;
  hasItems: boolean;
};

/** Parameters that rows and tokens answer, without a call being opened. */
const indexed = [
  'id',
  'taskId',
  // The name of the same on the vendor's candidates.
  'autoCallId',
  'botId',
  'autoCallCandidateId',
  'status',
  'currentStatusName',
  'isIncoming',
  'type',
  'from',
  'to',
  'phone',
  'number',
  'clientExternalId',
] as const;

/**
 * Reads the query of a search.
 *
 * `fields`, unless absent or empty, names the fields of a row; unknown ones are passed over. Any field is a filter: ids and
 * statuses take a list with commas, ids in any case, `phone` and `number` are the customer's in any writing, `from` (included) and `to` (not)
 * bound the start, and everything else must be equal as text. A filter by nothing finds nothing: whoever's variable was empty
 * must not be given everybody's calls.
 *
 * Throws `input_invalid` for a parameter that is not known, as a filter that is passed over would give everybody's calls too;
 * and for values that cannot be read.
 */
export function searchQueryOf(raw: Query): SearchQuery {
  const query = plainQuery(raw);
  refuseUnknown(query, [...fieldNames, ...indexed]);
  const fields = fieldsOf(query);
  return {
    fields,
    asked: {
      conditions: conditionsOf(query),
      identifiers: identifiersOf(query),
      order: orderOf(query),
      part: partOf(query, { limitMax: searchedMax, limitDefault: searchedMax }),
      opens: opensFor(fields),
      isCounted: !isOn(query, 'withoutCount'),
    },
    filter: filterOf(query),
    hasItems: !isOn(query, 'withoutItems'),
  };
}

function isAnsweredOtherwise(name: FieldName): boolean {
  const others: readonly string[] = [...indexed, ...listParameters];
  return others.includes(name);
}

function filterOf(query: Query): SearchQuery['filter'] {
  const names = fieldNames.filter((name) => query[name] !== undefined && !isAnsweredOtherwise(name));
  if (names.length === 0) return null;
  const wanted = names.map((name) => [name, onlyText(query, name)] as const);
  const keeps = (row: RowSource) => wanted.every(([name, text]) => isText(fieldValue(name, row), text));
  return { opens: opensFor(names), keeps };
}

function fieldsOf(query: Query): readonly FieldName[] {
  const asked = listOf(query, 'fields');
  if (asked === undefined) return fieldNames;
  return asked.flatMap((name) => fieldNames.find((known) => known === name) ?? []);
}

function conditionsOf(query: Query): CallSearch {
  const from = timeOf(query, 'from');
  const to = timeOf(query, 'to');
  const statuses = intersected(entriesOf(query, 'status'), entriesOf(query, 'currentStatusName'));
  const directions = intersected(directionsOf(query, 'isIncoming', ways), directionsOf(query, 'type', types));
  const conditions = {
    ids: idsOf(query, 'id')?.filter(isId),
    taskIds: intersected(idsOf(query, 'taskId'), idsOf(query, 'autoCallId'))?.filter(isId),
    candidateIds: idsOf(query, 'autoCallCandidateId')?.filter(isId),
    botIds: idsOf(query, 'botId')?.filter(isPlainText),
    dialStatuses: statuses && dialStatuses.filter((status) => statuses.includes(status)),
    directions,
    from,
    to,
  };
  return defined(conditions);
}

/** Without what is undefined. */
function defined(conditions: { [Name in keyof CallSearch]: CallSearch[Name] | undefined }): CallSearch {
  return Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined));
}

/** A list of ids or statuses: empty where the parameter is there and says nothing. */
function entriesOf(query: Query, name: string): string[] | undefined {
  return query[name] === undefined ? undefined : (listOf(query, name) ?? []);
}

/** Ids are stored in lower case. */
function idsOf(query: Query, name: string): string[] | undefined {
  return entriesOf(query, name)?.map((id) => id.toLowerCase());
}

const outgoing: readonly Direction[] = ['outbound', 'internal', 'unknown'];
const ways: ReadonlyMap<string, readonly Direction[]> = new Map([
  ['true', ['inbound']],
  ['1', ['inbound']],
  ['false', outgoing],
  ['0', outgoing],
]);
const types: ReadonlyMap<string, readonly Direction[]> = new Map([
  ['INCOMING', ['inbound']],
  ['OUTGOING', outgoing],
]);

function directionsOf(
  query: Query,
  name: string,
  words: ReadonlyMap<string, readonly Direction[]>,
): readonly Direction[] | undefined {
  return query[name] === undefined ? undefined : (words.get(onlyText(query, name)) ?? []);
}

function intersected<T>(one: readonly T[] | undefined, other: readonly T[] | undefined): readonly T[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.filter((entry) => other.includes(entry));
}

function identifiersOf(query: Query): Identifier[] {
  const found: Identifier[] = [];
  for (const name of ['phone', 'number']) {
    const value = phoneOf(query, name);
    if (value !== undefined) found.push({ kind: 'phone', value });
  }
  if (query['clientExternalId'] === undefined) return found;
  return [...found, { kind: 'external', value: onlyText(query, 'clientExternalId') }];
}

const orders = ['startedAt', 'createdAt'] as const;
/** The newest first: the last calls are what most ask for. */
const usualOrder: CallOrder = { by: 'startedAt', isDescending: true };

/** The first that rows can be sorted by; the others are passed over, as in the vendor's other lists. */
function orderOf(query: Query): CallOrder {
  return ordersOf(query, orders)[0] ?? usualOrder;
}

/** True where a value is this text, as it would stand in a URL. Null is no text; a list or an object is its JSON. */
function isText(value: unknown, text: string): boolean {
  if (value === null) return false;
  switch (typeof value) {
    case 'string':
      return value === text;
    case 'number':
      return text !== '' && value === Number(text);
    case 'boolean':
      return (value ? ['true', '1'] : ['false', '0']).includes(text);
    default:
      return JSON.stringify(value) === text;
  }
}
