import type { JsonObject } from '../../engine/archive/new-call.ts';
import { isJsonObject } from '../json-in.ts';

/**
 * A task's settings as they are shown, in the types that the vendor's SDK insists on, however the client wrote them: `cps` a
 * number, `additionalOptions.recTrimLeft` a whole number, both null where nobody can tell which; both kinds of options objects
 * and `webhookUrls` a list of objects, empty where nothing was given. Everything else is as it came.
 */
export function shownSettings(settings: JsonObject): JsonObject {
  const options = objectOf(settings['additionalOptions']);
  const { recTrimLeft } = options;
  return {
    ...settings,
    ...(settings['cps'] === undefined ? {} : { cps: numberOf(settings['cps']) }),
    additionalOptions: recTrimLeft === undefined ? options : { ...options, recTrimLeft: wholeNumberOf(recTrimLeft) },
    redialStrategyOptions: objectOf(settings['redialStrategyOptions']),
    webhookUrls: webhooksOf(settings['webhookUrls']),
  };
}

/** PHP makes an array of an empty map. */
function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

function wholeNumberOf(value: unknown): number | null {
  const number = numberOf(typeof value === 'boolean' ? Number(value) : value);
  return number === null ? null : Math.trunc(number);
}

/** Older clients give plain addresses, newer ones objects. */
function webhooksOf(value: unknown): JsonObject[] {
  const given: unknown[] = Array.isArray(value) ? value : [value];
  return given.flatMap((one) => {
    if (typeof one === 'string' && one !== '') return [{ url: one }];
    return isJsonObject(one) && 'url' in one ? [one] : [];
  });
}
