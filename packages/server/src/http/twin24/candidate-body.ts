import type { JsonObject } from '../../engine/archive/new-call.ts';
import type { SingleCall } from '../../engine/campaigns/add-single-calls.ts';
import type { NewCandidate } from '../../engine/campaigns/name-candidates.ts';
import { hasDigit } from '../../model/phone.ts';
import { invalidField, isJsonObject, isPlainText } from '../json-in.ts';
import { optionalFlag, optionalMap, optionalUuid } from './body-fields.ts';

/** Candidates in one request: more is refused, and nothing added. */
const batchMax = 10_000;

const phonesMax = 20;
const phoneLengthMax = 64;
const externalIdLengthMax = 512;
/** Of each map as JSON, in bytes: every call of the candidate has a copy. */
const mapBytesMax = 64 * 1024;
/** Shorter than anybody's phone. */
const choiceMax = 9999;

/** Reads what is put on a task by name: `autoCallId` is required, and of the tenant's only the engine knows. */
export function readCandidate(given: JsonObject, path = ''): NewCandidate {
  const taskId = given['autoCallId'];
  if (typeof taskId !== 'string') throw invalidField(`${path}autoCallId`, 'is required and must be text');
  const botId = optionalUuid(given['botSettingsId'], `${path}botSettingsId`);
  return { taskId, botId, ...contentOf(given, path) };
}

/** Reads what is put on the task that single calls share: `botSettingsId` is required. */
export function readSingleCall(given: JsonObject, path = ''): SingleCall {
  const botId = optionalUuid(given['botSettingsId'], `${path}botSettingsId`);
  if (botId === null) throw invalidField(`${path}botSettingsId`, 'is required');
  const content = contentOf(given, path);
  return { botId, templateId: content.correlation.autoCallTemplateId, ...content };
}

/** Reads a batch, each of its candidates by `read`. Throws `input_invalid` for the first that is not as it should be. */
export function readBatch<What>(body: JsonObject, read: (given: JsonObject, path: string) => What): What[] {
  const { batch } = body;
  if (!Array.isArray(batch)) throw invalidField('batch', 'is required and must be an array');
  if (batch.length > batchMax) throw invalidField('batch', `must have at most ${batchMax} entries`);
  return batch.map((given: unknown, place) => {
    if (!isJsonObject(given)) throw invalidField(`batch[${place}]`, 'must be an object');
    return read(given, `batch[${place}].`);
  });
}

/** True where the client wants the task to begin. */
export function startsNow(body: JsonObject): boolean {
  return optionalFlag(body['forceStart'], 'forceStart');
}

function contentOf(given: JsonObject, path: string): Pick<NewCandidate, 'details' | 'correlation'> {
  const variables = mapOf(given['variables'], `${path}variables`);
  return {
    details: {
      phones: phonesOf(given['phone'], `${path}phone`),
      variables: variables === null || Array.isArray(variables) ? {} : variables,
    },
    correlation: {
      callbackData: mapOf(given['callbackData'], `${path}callbackData`),
      clientExternalId: externalIdOf(given['clientExternalId'], `${path}clientExternalId`),
      timezone: secondsOf(given['timezone'], `${path}timezone`),
      checkPhone: choiceOf(given['checkPhone'], `${path}checkPhone`),
      autoCallTemplateId: optionalUuid(given['autoCallTemplateId'], `${path}autoCallTemplateId`),
    },
  };
}

function mapOf(value: unknown, path: string): JsonObject | [] | null {
  const map = optionalMap(value, path);
  if (Buffer.byteLength(JSON.stringify(map)) <= mapBytesMax) return map;
  throw invalidField(path, `must have at most ${mapBytesMax / 1024} KiB as JSON`);
}

/** One number or several; as text, or as the whole numbers that some clients make of them. */
function phonesOf(value: unknown, path: string): string[] {
  const given: unknown[] = Array.isArray(value) ? value : [value];
  if (value === undefined || value === null || given.length === 0) throw invalidField(path, 'is required');
  if (given.length > phonesMax) throw invalidField(path, `must have at most ${phonesMax} numbers`);
  return given.map((one) => {
    const text = textOfNumber(one) ?? one;
    if (typeof text !== 'string') throw invalidField(path, 'must be a list of numbers as text');
    if (text.length > phoneLengthMax || !hasDigit(text)) {
      throw invalidField(path, `must hold numbers with a digit, of at most ${phoneLengthMax} characters`);
    }
    return text;
  });
}

function externalIdOf(value: unknown, path: string): string | null {
  const text = textOfNumber(value) ?? value;
  if (text === undefined || text === null || text === '') return null;
  if (typeof text !== 'string' || text.length > externalIdLengthMax || !isPlainText(text)) {
    throw invalidField(path, `must be plain text of at most ${externalIdLengthMax} characters`);
  }
  return text;
}

/** Whole seconds, as a number or as text. */
function secondsOf(value: unknown, path: string): number | null {
  if (value === undefined || value === null || value === '') return null;
  const seconds = typeof value === 'string' && /^[+-]?\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isSafeInteger(seconds)) {
    throw invalidField(path, 'must be a whole number of seconds');
  }
  return seconds;
}

/** What of the client's own words is kept where numbers and variables are erased must have no room for either. */
function choiceOf(value: unknown, path: string): boolean | number | string | null {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? null;
  if (typeof value === 'string' && /^[A-Za-z_]{1,32}$/.test(value)) return value;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= choiceMax) return value;
  throw invalidField(path, 'must be true or false, a small whole number, or one word of at most 32 letters');
}

function textOfNumber(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
}
