import { AppError } from '../../model/errors.ts';
import { parseIsoTime } from '../iso-time.ts';
import { invalidField } from '../json-in.ts';

/** A query string as Fastify reads it: text by name, a list where a name came more than once. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Which part of a list: `limit` entries after the first `offset`. */
export type Part = { offset: number; limit: number };

/** How a list is to be answered. `limit` is 0 where nobody wants its items. */
export type Listing = Part & { isCounted: boolean };

/** Parameters that say how to answer, not what is asked for; the last is what keeps an answer out of caches. */
export const listParameters: readonly string[] = [
  'limit',
  'offset',
  'page',
  'sort',
  'group',
  'fields',
  'timezone',
  'language',
  'withoutCount',
  'withoutItems',
  'offsetField',
  'offsetValue',
  '_',
];

const numberLengthMax = 64;

/** The query with `name[]` and `name[0]`, which PHP makes of a list, under `name`, in the order in which they came. */
export function plainQuery(raw: Query): Query {
  const query = new Map<string, string | string[]>();
  for (const [written, value = []] of Object.entries(raw)) {
    const name = written.replace(/\[\d*\]$/, '');
    const before = query.get(name);
    query.set(name, before === undefined && typeof value === 'string' ? value : [before ?? [], value].flat());
  }
  return Object.fromEntries(query);
}

/**
 * Throws `input_invalid`, naming what is known, for a parameter that is neither one of these filters nor one that every list
 * takes.
 */
export function refuseUnknown(query: Query, filters: readonly string[]): void {
  const known = [...new Set([...filters, ...listParameters])];
  const place = Object.keys(query).findIndex((name) => !known.includes(name));
  if (place < 0) return;
  // Its name is the client's text, and may be a value that went astray.
  const message = `Parameter ${place + 1} of the query is not known; known are ${known.join(', ')}`;
  throw new AppError('input_invalid', { message });
}

/** One column to sort by. */
export type Order<Name extends string> = { by: Name; isDescending: boolean };

/**
 * The text of a parameter; undefined where it is absent or empty, which to PHP's clients is the same. Throws
 * `input_invalid` where it came more than once.
 */
export function textOf(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === 'string') return value || undefined;
  throw invalidField(name, 'must be given once');
}

/** A list with commas between its entries, or of several parameters of one name; trimmed, nothing empty, each once. */
export function listOf(query: Query, name: string): string[] | undefined {
  const given = query[name];
  if (given === undefined) return undefined;
  const texts = typeof given === 'string' ? [given] : given;
  const entries = texts.flatMap((text) => text.split(',')).map((entry) => entry.trim());
  const some = [...new Set(entries)].filter((entry) => entry !== '');
  return some.length === 0 ? undefined : some;
}

/**
 * A list of words of ours. One that nobody knows is left out, and so finds nothing: the vendor has more of them than it has
 * published.
 */
export function wordsOf<Word extends string>(query: Query, name: string, known: readonly Word[]): Word[] | undefined {
  return listOf(query, name)?.flatMap((given) => known.find((one) => one === given) ?? []);
}

/**
 * The part of a list that is asked for: `page`, counted from 0, or `offset`, never both; `limit` from 1 to `limitMax`.
 * Throws `input_invalid` for anything else.
 */
export function partOf(query: Query, limits: { limitMax: number; limitDefault: number }): Part {
  const limit = wholeNumberOf(query, 'limit') ?? limits.limitDefault;
  if (limit < 1 || limit > limits.limitMax) throw invalidField('limit', `must be from 1 to ${limits.limitMax}`);
  const page = wholeNumberOf(query, 'page');
  const offset = wholeNumberOf(query, 'offset');
  if (page !== undefined && offset !== undefined) {
    throw new AppError('input_invalid', { message: 'page and offset must not be given both' });
  }
  return { offset: offset ?? (page ?? 0) * limit, limit };
}

/** How a list is to be answered: the part of it, and whether with its items and its count. Throws as `partOf` does. */
export function listingOf(query: Query, limits: { limitMax: number; limitDefault: number }): Listing {
  const part = partOf(query, limits);
  const limit = isOn(query, 'withoutItems') ? 0 : part.limit;
  return { ...part, limit, isCounted: !isOn(query, 'withoutCount') };
}

/** The envelope of a list; where nobody asks how many there are, `count` is how many are here. */
export function envelopeOf<Item>({ isCounted }: Listing, count: number, items: Item[]) {
  return { count: isCounted ? count : items.length, items };
}

/** True for a switch that is given, unless it says no. */
export function isOn(query: Query, name: string): boolean {
  return query[name] !== undefined && !['0', 'false'].includes(onlyText(query, name));
}

/** The text of a parameter that is there, trimmed. Throws `input_invalid` where it came more than once. */
export function onlyText(query: Query, name: string): string {
  const value = query[name];
  if (typeof value !== 'string') throw invalidField(name, 'must be given once');
  return value.trim();
}

/** A customer's number in any writing; empty, and so nobody's, where the parameter is there and says nothing. */
export function phoneOf(query: Query, name: string): string | undefined {
  if (query[name] === undefined) return undefined;
  const value = onlyText(query, name);
  if (value.length > numberLengthMax) throw invalidField(name, `must have at most ${numberLengthMax} characters`);
  return value;
}

/**
 * What a list is sorted by: names with commas between them, a minus sign before one that is to descend. Names that are not
 * known are passed over: clients sort by columns of lists that we do not have.
 */
export function ordersOf<Name extends string>(query: Query, known: readonly Name[]): Order<Name>[] {
  return (listOf(query, 'sort') ?? []).flatMap((given) => {
    const isDescending = given.startsWith('-');
    const by = known.find((name) => name === (isDescending ? given.slice(1) : given));
    return by === undefined ? [] : [{ by, isDescending }];
  });
}

/** Date, and where there are any, time of day and offset. */
const timeForm = /^([\d-]+)(T[\d:.,]+)?(Z|[+ -][\d:]+)?$/i;

/**
 * A time in ISO 8601 as ms since the Unix epoch; a date alone is its midnight, and what has no offset is in UTC. Undefined
 * where it is absent or empty. Throws `input_invalid` for what is no such time.
 */
export function timeOf(query: Query, name: string): number | undefined {
  const text = textOf(query, name);
  if (text === undefined) return undefined;
  const [, date = '', clock = 'T00:00:00', offset = 'Z'] = timeForm.exec(text.toUpperCase()) ?? [];
  const seconds = /^T\d\d:\d\d$/.test(clock) ? ':00' : '';
  // A plus sign that came unencoded is a blank by now.
  const ms = parseIsoTime(`${date}${clock}${seconds}${offset.replace(' ', '+')}`);
  if (ms === undefined) throw invalidField(name, 'must be a time in ISO 8601');
  return ms;
}

/** Digits, as many as make an exact number. */
function wholeNumberOf(query: Query, name: string): number | undefined {
  const text = textOf(query, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw invalidField(name, 'must be a whole number');
  return Number(text);
}
